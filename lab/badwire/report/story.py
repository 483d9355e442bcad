"""A run as a story: what passed between the hosts and what happened on each of them, in order, for whoever draws it.

Made from the evidence alone.

Which connection a driven socket had: by the kernel's answer to `accept`, and by the SYN that its `connect` sent.

What a story is made of: plain data, for whoever draws a run. Times are ns since the run began.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.sockets import SocketTimeline
from badwire.evidence.stream import TcpStream
from badwire.report import words
from badwire.store.records import Call, NotRecorded, Program


def connected(calls: Iterable[Call], connections: Sequence[TcpStream]) -> Mapping[tuple[str, int], int]:
    """The place among ``connections`` of what a socket, told by its host and number, was connected to."""
    found: dict[tuple[str, int], int] = {}
    for call in calls:
        match call.call, call.args, call.value:
            case "accept", _, [int(socket), [_, int(port)]]:
                its = _accepted
            case "connect", ((_, int(port)),), _:
                socket, its = call.socket, _began
            case _:  # another, one that failed, or a damaged record
                continue
        taken = {place for (host, _), place in found.items() if host == call.host}
        places = [place for place, each in enumerate(connections) if place not in taken and its(call, port, each)]
        if places:  # of those that had the port one after the other, the last is accepted
            found.setdefault((call.host, socket), places[-1 if its is _accepted else 0])
    return found


def _accepted(call: Call, port: int, connection: TcpStream) -> bool:
    ends = connection.server, connection.client_port
    return ends == (call.host, port) and connection.frames[0].sent_at <= call.ended


def _began(call: Call, port: int, connection: TcpStream) -> bool:
    """A SYN may be sent after `connect` has returned only where it does not block, and the address is not known yet."""
    sent_at = next((each.sent_at for each in connection.frames if each.source == call.host), None)
    ends = {(connection.client, connection.server_port), (connection.server, connection.client_port)}
    if sent_at is None or (call.host, port) not in ends:
        return False
    return call.began <= sent_at and (sent_at <= call.ended or call.errno == "EINPROGRESS")


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


__all__ = ["Arrow", "Band", "Event", "InForce", "Story", "story"]
PREPARING = ("settimeout", "getsockname", "getpeername")  # calls that are no part of any lesson


def story(seen: Evidence) -> Story:
    """The story of a run."""
    began = int(seen.meta["t"])
    connections = seen.wire.streams
    return Story(
        hosts=_in_order({*seen.hosts, *(frame.source for frame in seen.frames())}),
        ended=int(seen.records[-1].get("t", began)) - began,
        connections=tuple(words.connection(each) for each in connections),
        arrows=tuple(_arrows(seen, connections, began)),
        bands=tuple(sorted(_bands(seen, connections, began), key=lambda band: (band.host, band.began))),
        events=tuple(
            sorted((*_calls(seen, connections, began), *_programs(seen, began)), key=lambda event: event.began)
        ),
        faults=tuple(sorted(_faults(seen, began), key=lambda fault: fault.began)),
        notes=tuple((note.t - began, note.text) for note in seen.notes),
    )


def _in_order(hosts: Iterable[str]) -> tuple[str, ...]:
    """Clients on the left and servers on the right, as textbooks draw them; the wire, if it spoke itself, between."""
    return tuple(sorted(hosts, key=lambda host: (not host.startswith("client"), host.startswith("server"), host)))


def _arrows(seen: Evidence, connections: tuple[TcpStream, ...], began: int) -> Iterator[Arrow]:
    of = {id(frame): place for place, each in enumerate(connections) for frame in each.frames}
    frames = seen.frames()
    numbers = {id(frame): number for number, frame in enumerate(frames)}
    again = {id(frame): numbers[id(first)] for each in connections for frame, first in _repeated(each)}
    taken = _taken(seen)
    for number, frame in enumerate(frames):
        place = of.get(id(frame))
        connection = None if place is None else connections[place]
        yield Arrow(
            number,
            frame.sent_at - began,
            frame.source,
            frame.toward,
            tuple(t - began for t in frame.delivered_at),
            "" if frame.delivered_at else taken.get((frame.toward, frame.data)) or _may_have_taken(seen, frame),
            bool(frame.damaged),
            frame.packet.protocol,
            words.label(frame, connection),
            words.tcpdump(frame, connection),
            words.fields(frame),
            place,
            again.get(id(frame)),
        )


def _repeated(connection: TcpStream) -> Iterator[tuple[Frame, Frame]]:
    """Each retransmission with the first segment that carried its first number."""
    for frame in connection.retransmissions:
        first = connection.sendings(frame)[0]
        if first is not frame:
            yield frame, first


def _taken(seen: Evidence) -> dict[tuple[str, bytes], str]:
    """Which fault dropped a frame, as the relay said."""
    return {(each.toward, each.frame): each.fault for each in seen.decisions(verdict="drop")}


def _may_have_taken(seen: Evidence, frame: Frame) -> str:
    """The fault that was in force and can lose frames: netem does not say what it dropped."""
    able = (each for each in seen.faults(toward=frame.toward) if each.fault.can_lose)
    return next((each.name for each in able if each.in_force(frame.sent_at)), "")


def _bands(seen: Evidence, connections: tuple[TcpStream, ...], began: int) -> Iterator[Band]:
    ends = {
        (host, port, other_port): place
        for place, each in enumerate(connections)
        for host, port, other_port in (
            (each.client, each.client_port, each.server_port),
            (each.server, each.server_port, each.client_port),
        )
    }
    for host in seen.hosts:
        with suppress(NotRecorded):  # of a host that nobody looked at the rest can still be told
            for history in seen.host(host).timelines(protocol="tcp"):
                place = ends.get((host, history.local[1], history.remote[1]))
                yield from _periods(host, history, place, began)


def _periods(host: str, history: SocketTimeline, place: int | None, began: int) -> Iterator[Band]:
    local, remote = (f"{address}:{port}" if port else "" for address, port in (history.local, history.remote))
    for period in history.periods:
        ended = period.left_by - began if period.ended else None
        yield Band(host, local, remote, place, period.state, max(0, period.entered_by - began), ended)


def _calls(seen: Evidence, connections: tuple[TcpStream, ...], began: int) -> Iterator[Event]:
    calls = seen.calls()
    of = connected(calls, connections)
    for call in calls:
        if call.call not in PREPARING:
            at, ended, failed = call.began - began, call.ended - began, call.errno is not None
            place = of.get((call.host, call.socket))
            yield Event(call.host, at, ended, "call", words.call(call), failed, words.gave(call), place)


def _programs(seen: Evidence, began: int) -> Iterator[Event]:
    for program in seen.programs:
        assert program.started is not None
        at = program.started - began
        yield Event(program.host, at, at, "program", words.started(program), False)
        for t, stream, line in _lines(program):
            yield Event(program.host, t - began, t - began, "output", f"{program.name}: {line}", stream == "err")
        if program.exited is not None:
            at = program.exited - began
            yield Event(program.host, at, at, "program", words.ended(program), bool(program.status or program.signal))


def _lines(program: Program) -> Iterator[tuple[int, str, str]]:
    """What a program wrote, line by line, each with when its first piece came: one `print` may come in many."""
    begun: dict[str, tuple[int, str]] = {}
    for output in program.outputs:
        t, before = begun.pop(output.stream, (output.t, ""))
        *whole, rest = (before + output.text).split("\n")
        for line in whole:
            yield t, output.stream, line
            t = output.t
        if rest:
            begun[output.stream] = t, rest
    for stream, (t, rest) in begun.items():
        yield t, stream, rest


def _faults(seen: Evidence, began: int) -> Iterator[InForce]:
    """Each fault from when it came into force until it was lifted, whichever engines carried it out meanwhile."""
    told = [InForce(f.toward, words.fault(f), f.began - began, _since(f.ended, began)) for f in seen.faults()]
    while told:
        first = told.pop(0)
        for place, other in enumerate(told):
            if (first.toward, first.text, first.ended) == (other.toward, other.text, other.began):
                told[place] = replace(other, began=first.began)
                break
        else:
            yield first


def _since(t: int | None, began: int) -> int | None:
    return None if t is None else t - began
