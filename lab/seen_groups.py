"""Frames put together into TCP connections."""

from collections.abc import Callable, Iterable

from lab.packets import has_flags
from lab.seen_connections import Connection, tcp_of
from lab.seen_frames import Frame

End = tuple[str, int]  # host and port


def connections(
    frames: Iterable[Frame], wanted: Callable[[Connection], bool] = lambda _: True
) -> tuple[Connection, ...]:
    """The connections in ``frames``, in the order in which they began. A new SYN on known ports begins a new one."""
    groups: list[tuple[End, End, list[Frame]]] = []
    current: dict[frozenset[End], int] = {}
    for frame in frames:
        if frame.tcp is None:
            continue
        source, toward = (frame.source, frame.tcp.source_port), (frame.toward, frame.tcp.destination_port)
        ends = frozenset((source, toward))
        if ends not in current or _begins_anew(frame, source, groups[current[ends]]):
            client, server = (toward, source) if has_flags(frame.tcp.flags, "SA") else (source, toward)
            current[ends] = len(groups)
            groups.append((client, server, []))
        groups[current[ends]][2].append(frame)
    made = (Connection(client[0], server[0], client[1], server[1], tuple(group)) for client, server, group in groups)
    return tuple(each for each in made if wanted(each))


def _begins_anew(frame: Frame, source: End, group: tuple[End, End, list[Frame]]) -> bool:
    """A SYN with another number than this side's before; a SYN from the other side is a simultaneous open at first."""
    if not has_flags(tcp_of(frame).flags, "S"):
        return False
    before = group[2]
    own = [each for each in before if each.source == source[0] and tcp_of(each).source_port == source[1]]
    if not own:
        return any(not has_flags(tcp_of(each).flags, "S") for each in before)
    return tcp_of(frame).seq not in {tcp_of(each).seq for each in own if "S" in tcp_of(each).flags}
