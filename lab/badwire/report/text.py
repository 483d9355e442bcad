"""A run as text: one line for each event, in order, segments in the notation of tcpdump(8)."""

from collections.abc import Iterator
from typing import NamedTuple

from badwire.report.story import Arrow, Band, Event, Story
from badwire.store.records import NS
from badwire.util.text import visible

_MS = 1_000_000  # ns; shorter times on the wire are not shown

# The order of lines of the same time. Frames come after these, in the order of their numbers.
_GIVEN = -4
_NOTE = -3
_FAULT = -2
_EVENT = -1


class TimedLine(NamedTuple):
    """A line of the text, at the time ``t`` in ns.

    Lines of the same time are sorted by ``order``; those of the same order stay in the order of the story.
    """

    t: int
    order: int
    text: str


def show(story: Story) -> Iterator[str]:
    """The lines: seconds since the run began, host, event. Control characters in a program's output are escaped."""
    width = max((len(host) for host in story.hosts), default=0)
    lines = [TimedLine(0, _GIVEN, f"given: {text}") for text in story.given]
    lines += _notes(story)
    lines += _faults(story)
    lines += _states(story, width)
    lines += _events(story, width)
    lines += _arrows(story, width)
    lines.sort(key=lambda line: (line.t, line.order))
    for line in lines:
        seconds = line.t / NS
        text = visible(line.text)
        yield f"{seconds:12.6f}  {text}"


def _notes(story: Story) -> Iterator[TimedLine]:
    for t, text in story.notes:
        yield TimedLine(t, _NOTE, f"-- {text}")


def _faults(story: Story) -> Iterator[TimedLine]:
    for fault in story.faults:
        text = f"== toward {fault.toward}: {fault.text}"
        yield TimedLine(fault.began, _FAULT, text)
        if fault.ended is not None:
            yield TimedLine(fault.ended, _FAULT, f"{text} is lifted")


def _events(story: Story, width: int) -> Iterator[TimedLine]:
    for event in story.events:
        text = f"{event.host:>{width}}  {event.text}"
        duration = _duration(event)
        if duration:
            text += f"  ({duration})"
        yield TimedLine(event.began, _EVENT, text)


def _duration(event: Event) -> str:
    """How long a call took; empty if it was too short to be shown."""
    ns = event.ended - event.began
    return f"{ns / NS:.6f} s" if ns >= _MS else ""


def _states(story: Story, width: int) -> Iterator[TimedLine]:
    last = len(story.arrows)  # so that a state comes after the frames of the same time
    for band in story.bands:
        text = f"{band.host:>{width}}  is in {band.state} ({_addresses(band)})"
        yield TimedLine(band.began, last, text)


def _addresses(band: Band) -> str:
    """The addresses of a socket's ends; only its own without a peer."""
    if not band.remote:
        return band.local
    return f"{band.local} to {band.remote}"


def _arrows(story: Story, width: int) -> Iterator[TimedLine]:
    for arrow in story.arrows:
        shaft = "-->" if arrow.delivered else "--x"
        text = f"{arrow.source:>{width}} {shaft} {arrow.toward:<{width}}  {arrow.tcpdump}"
        fate = "; ".join(_fate(arrow))
        if fate:
            text += f"  [{fate}]"
        yield TimedLine(arrow.sent, arrow.number, text)


def _fate(arrow: Arrow) -> Iterator[str]:
    """What happened to a frame on the wire; empty if it was delivered once, undamaged and without delay."""
    deliveries = len(arrow.delivered)
    if not deliveries:
        yield f"lost to {arrow.lost_to}" if arrow.lost_to else "lost"
    if arrow.again is not None:
        yield "sent again"
    if arrow.damaged:
        yield "damaged"
    if deliveries > 1:
        yield f"delivered {deliveries} times"
    if deliveries:
        delay = arrow.delivered[0] - arrow.sent
        if delay >= _MS:
            yield f"delivered after {delay / NS:.6f} s"
