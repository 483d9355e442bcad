"""The last frames of a run as a ladder in text: a vertical line for each host, an arrow for each frame.

 seconds  client                             server
0.001234    |------------- SYN -------------->|
0.001301    |<----------- SYN-ACK ------------|
0.052112    |--------- data, 5 bytes ---X     |  dropped by loss
"""

from collections.abc import Iterator

from badwire.report.story import Arrow, Story
from badwire.store.records import NS
from badwire.util.text import visible

GAP = 45  # characters between the lines of two neighbouring hosts
_TIME = 12


def text(story: Story, most: int, since: int = 0) -> str:
    """The diagram.

    Args:
        story: the run.
        most: how many frames it shows at most; the last ones.
        since: frames that were sent before this time are left out; in ns since the run began.
    """
    arrows = [arrow for arrow in story.arrows if arrow.sent >= since]
    if not arrows:
        return "no frame passed between the hosts"
    lines = []
    shown = arrows[-most:]
    if len(shown) < len(arrows):
        lines.append(f"the last {len(shown)} of {len(arrows)} frames")
    columns = {host: _TIME + 4 + number * (GAP + 1) for number, host in enumerate(story.hosts)}
    lines.append(_heads(columns))
    for arrow in shown:
        lines.append(_line(arrow, columns))
    return "\n".join(lines)


def _heads(columns: dict[str, int]) -> str:
    line = f"{'seconds':>{_TIME}}"
    for host, column in columns.items():
        line = f"{line:<{column - 2}}{host}"[: column + GAP - 2]
    return line


def _line(arrow: Arrow, columns: dict[str, int]) -> str:
    seconds = f"{arrow.sent / NS:{_TIME}.6f}"
    right_end = max(columns.values())
    cells = list(f"{seconds:<{right_end + 1}}")
    for column in columns.values():
        cells[column] = "|"
    source, toward = columns.get(arrow.source), columns.get(arrow.toward)
    label = visible(arrow.label)
    if source is not None and toward is not None and source != toward:
        left, right = sorted((source, toward))
        is_lost = not arrow.delivered
        shaft = _shaft(label, right - left - 1, to_the_right=source < toward, is_lost=is_lost)
        cells[left + 1 : right] = list(shaft)
    else:
        cells += list(f"  {arrow.source} to {arrow.toward}: {label}")
    return "".join(cells) + "".join(f"  {note}" for note in _notes(arrow))


def _shaft(label: str, length: int, to_the_right: bool, is_lost: bool) -> str:
    """What lies between the lines of two hosts: the arrow with its label; of a lost frame it ends half-way, with X."""
    most = length - 6
    if len(label) > most:
        label = label[: most - 1] + "…"
    middle = f" {label} ".center(length - 1, "-")
    if is_lost:
        end = length - 5
        middle = f" {label} ".center(end, "-")[:end]
        return f"{middle}X    " if to_the_right else f"    X{middle}"
    return f"{middle}>" if to_the_right else f"<{middle}"


def _notes(arrow: Arrow) -> Iterator[str]:
    if not arrow.delivered:
        yield arrow.lost_to or "not delivered"
    if len(arrow.delivered) > 1:
        yield f"delivered {len(arrow.delivered)} times"
    if arrow.damaged:
        yield "damaged"
    if arrow.again is not None:
        yield "again"
