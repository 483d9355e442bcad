"""What a story is made of: plain data, for whoever draws a run. Times are ns since the run began."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Arrow:
    """A frame on its way. ``came`` is empty when it was lost, to the fault ``lost_to`` ("" if nobody knows), and has
    two times when it was duplicated. ``connection`` is the place of its TCP connection among ``Story.connections``,
    ``again`` the number of the arrow that it repeats. ``label`` is short, ``words`` are tcpdump's.
    """

    number: int
    sent: int
    source: str
    toward: str
    came: tuple[int, ...]
    lost_to: str
    damaged: bool
    protocol: str
    label: str
    words: str
    fields: dict[str, int]
    connection: int | None
    again: int | None


@dataclass(frozen=True)
class Band:
    """A socket in one state, as the kernel's table showed it; ``ended`` is None when it was still so at the end."""

    host: str
    local: str
    remote: str
    connection: int | None
    state: str
    began: int
    ended: int | None


@dataclass(frozen=True)
class Event:
    """A call on a driven socket, or what a program did or said. ``ended`` is when a call returned, and ``gave`` the
    result, with which ``text`` ends; it is empty for all else. ``connection`` is the socket's, as in Arrow.
    """

    host: str
    began: int
    ended: int
    kind: str
    text: str
    failed: bool
    gave: str = ""
    connection: int | None = None


@dataclass(frozen=True)
class InForce:
    """A fault on the wire toward a host."""

    toward: str
    text: str
    began: int
    ended: int | None


@dataclass(frozen=True)
class Story:
    """All of it; ``connections`` are told by their ends, ``notes`` with their times."""

    hosts: tuple[str, ...]
    ended: int
    connections: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    bands: tuple[Band, ...]
    events: tuple[Event, ...]
    faults: tuple[InForce, ...]
    notes: tuple[tuple[int, str], ...]
