"""A run as text: one line for each event, in order, segments in the notation of tcpdump(8)."""

from collections.abc import Iterator

from badwire.report.story import Arrow, Story
from badwire.util.text import visible

_MS = 1_000_000  # ns; shorter times on the wire are not shown

TimedLine = tuple[int, int, str]  # time in ns, order among lines of the same time, text


def show(story: Story) -> Iterator[str]:
    """The lines: seconds since the run began, host, event. Control characters in a program's output are escaped."""
    width = max((len(host) for host in story.hosts), default=0)
    lines = [*_notes(story), *_faults(story), *_states(story, width), *_events(story, width), *_arrows(story, width)]
    for t, _, text in sorted(lines):
        yield f"{t / 1e9:12.6f}  {visible(text)}"


def _notes(story: Story) -> Iterator[TimedLine]:
    return ((t, -4, f"-- {text}") for t, text in story.notes)


def _faults(story: Story) -> Iterator[TimedLine]:
    for fault in story.faults:
        yield fault.began, -3, f"== toward {fault.toward}: {fault.text}"
        if fault.ended is not None:
            yield fault.ended, -3, f"== toward {fault.toward}: {fault.text} is lifted"


def _events(story: Story, width: int) -> Iterator[TimedLine]:
    for event in story.events:
        took = f"  ({(event.ended - event.began) / 1e9:.6f} s)" if event.ended - event.began >= _MS else ""
        yield event.began, -1, f"{event.host:>{width}}  {event.text}{took}"


def _states(story: Story, width: int) -> Iterator[TimedLine]:
    for band in story.bands:
        ends = f"{band.local} to {band.remote}" if band.remote else band.local
        yield band.began, len(story.arrows) * 2, f"{band.host:>{width}}  is in {band.state} ({ends})"


def _arrows(story: Story, width: int) -> Iterator[TimedLine]:
    for arrow in story.arrows:
        way = "-->" if arrow.delivered else "--x"
        ends = f"{arrow.source:>{width}} {way} {arrow.toward:<{width}}"
        yield arrow.sent, arrow.number, f"{ends}  {arrow.tcpdump}{_fate(arrow)}"


def _fate(arrow: Arrow) -> str:
    """What happened to a frame on the wire; empty if it was delivered once, undamaged and without delay."""
    parts = [] if arrow.delivered else [f"lost to {arrow.lost_to}" if arrow.lost_to else "lost"]
    parts += ["sent again"] if arrow.again is not None else []
    parts += ["damaged"] if arrow.damaged else []
    parts += [f"delivered {len(arrow.delivered)} times"] if len(arrow.delivered) > 1 else []
    if arrow.delivered and arrow.delivered[0] - arrow.sent >= _MS:
        parts.append(f"delivered after {(arrow.delivered[0] - arrow.sent) / 1e9:.6f} s")
    return f"  [{'; '.join(parts)}]" if parts else ""
