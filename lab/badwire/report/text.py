"""A run as text: a line for each thing that happened, in order, segments in tcpdump's words."""

from collections.abc import Iterator

from badwire.report.story import Arrow, Story
from badwire.util.text import visible

_MS = 1_000_000  # ns; what took less on the wire needs no words

Line = tuple[int, int, str]  # time in ns, place among those of one time, text


def show(story: Story) -> Iterator[str]:
    """The lines: seconds since the run began, who, what; what a program wrote can do nothing to a terminal."""
    width = max((len(host) for host in story.hosts), default=0)
    lines = [*_notes(story), *_faults(story), *_states(story, width), *_events(story, width), *_arrows(story, width)]
    for t, _, text in sorted(lines):
        yield f"{t / 1e9:12.6f}  {visible(text)}"


def _notes(story: Story) -> Iterator[Line]:
    return ((t, -4, f"-- {text}") for t, text in story.notes)


def _faults(story: Story) -> Iterator[Line]:
    for fault in story.faults:
        yield fault.began, -3, f"== toward {fault.toward}: {fault.text}"
        if fault.ended is not None:
            yield fault.ended, -3, f"== toward {fault.toward}: {fault.text} is lifted"


def _events(story: Story, width: int) -> Iterator[Line]:
    for event in story.events:
        took = f"  ({(event.ended - event.began) / 1e9:.6f} s)" if event.ended - event.began >= _MS else ""
        yield event.began, -1, f"{event.host:>{width}}  {event.text}{took}"


def _states(story: Story, width: int) -> Iterator[Line]:
    for band in story.bands:
        ends = f"{band.local} to {band.remote}" if band.remote else band.local
        yield band.began, len(story.arrows) * 2, f"{band.host:>{width}}  is in {band.state} ({ends})"


def _arrows(story: Story, width: int) -> Iterator[Line]:
    for arrow in story.arrows:
        way = "-->" if arrow.came else "--x"
        ends = f"{arrow.source:>{width}} {way} {arrow.toward:<{width}}"
        yield arrow.sent, arrow.number, f"{ends}  {arrow.words}{_fate(arrow)}"


def _fate(arrow: Arrow) -> str:
    """What became of it, where that is worth a word."""
    words = [] if arrow.came else [f"lost to {arrow.lost_to}" if arrow.lost_to else "lost"]
    words += ["sent again"] if arrow.again is not None else []
    words += ["damaged"] if arrow.damaged else []
    words += [f"delivered {len(arrow.came)} times"] if len(arrow.came) > 1 else []
    if arrow.came and arrow.came[0] - arrow.sent >= _MS:
        words.append(f"delivered after {(arrow.came[0] - arrow.sent) / 1e9:.6f} s")
    return f"  [{'; '.join(words)}]" if words else ""
