"""A run as a story: the frames between the hosts, and the events on each host, in order, as plain data.

It is made from the evidence alone, for the page, the live screen and `badwire show`. Times are ns since the run began.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.sockets import SocketTimeline
from badwire.evidence.stream import TcpStream
from badwire.report import describe
from badwire.report.call_connections import connections_of_calls
from badwire.store.records import NotRecorded, Program
from badwire.util.text import visible


@dataclass(frozen=True)
class Arrow:
    """A frame from its sender to its receiver.

    Args:
        number: its index among all frames.
        sent: when it was sent.
        source, toward: the hosts.
        delivered: when it was delivered: empty if it was lost, two times if it was duplicated.
        lost_to: the fault that dropped it, if that is known.
        damaged: whether a delivery differs from what was sent.
        protocol: as in Packet.protocol.
        label: a short text.
        tcpdump: the frame as tcpdump(8) prints it.
        fields: header fields that are in neither text.
        connection: the index of its TCP connection in ``Story.connections``.
        again: the number of the arrow that it repeats.
    """

    number: int
    sent: int
    source: str
    toward: str
    delivered: tuple[int, ...]
    lost_to: str
    damaged: bool
    protocol: str
    label: str
    tcpdump: str
    fields: dict[str, int]
    connection: int | None
    again: int | None


@dataclass(frozen=True)
class Band:
    """A socket in one state, as the kernel's table showed it; ``ended`` is None if the state lasted to the end."""

    host: str
    local: str
    remote: str
    connection: int | None
    state: str
    began: int
    ended: int | None


@dataclass(frozen=True)
class Event:
    """A call on a controlled socket, the start or end of a program, or a line of its output.

    ``ended`` is when a call returned, and ``result`` its result, with which ``text`` ends; for everything else
    ``result`` is empty. ``connection`` is the socket's, as in Arrow.
    """

    host: str
    began: int
    ended: int
    kind: str
    text: str
    failed: bool
    result: str = ""
    connection: int | None = None


@dataclass(frozen=True)
class FaultInForce:
    """A fault on the wire toward a host."""

    toward: str
    text: str
    began: int
    ended: int | None


@dataclass(frozen=True)
class Story:
    """A run.

    Attributes:
        hosts: the hosts in the order in which they are drawn, from left to right.
        ended: the time of the last record.
        connections: the two ends of each TCP connection, as ``describe.connection`` writes them.
        arrows: the frames, in the order of their sending.
        bands: the states of the hosts' TCP sockets.
        events: calls, programs and their output.
        faults: the faults on the wire.
        notes: the scenario's notes, each with its time.
    """

    hosts: tuple[str, ...]
    ended: int
    connections: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    bands: tuple[Band, ...]
    events: tuple[Event, ...]
    faults: tuple[FaultInForce, ...]
    notes: tuple[tuple[int, str], ...]


NOT_SHOWN = ("settimeout", "getsockname", "getpeername")  # calls that change nothing on the wire or in the kernel


def story(run: Evidence) -> Story:
    """The story of a run."""
    began = int(run.meta["t"])
    connections = run.wire.streams
    return Story(
        hosts=_in_order({*run.hosts, *(frame.source for frame in run.frames())}),
        ended=int(run.records[-1].get("t", began)) - began,
        connections=tuple(describe.connection(each) for each in connections),
        arrows=tuple(_arrows(run, connections, began)),
        bands=tuple(sorted(_bands(run, connections, began), key=lambda band: (band.host, band.began))),
        events=tuple(sorted((*_calls(run, connections, began), *_programs(run, began)), key=lambda event: event.began)),
        faults=tuple(sorted(_faults(run, began), key=lambda fault: fault.began)),
        notes=tuple((note.t - began, note.text) for note in run.notes),
    )


def _in_order(hosts: Iterable[str]) -> tuple[str, ...]:
    """Clients on the left and servers on the right, as textbooks draw them; the wire, if it sent frames, in between."""
    return tuple(sorted(hosts, key=lambda host: (not host.startswith("client"), host.startswith("server"), host)))


def _arrows(run: Evidence, connections: tuple[TcpStream, ...], began: int) -> Iterator[Arrow]:
    connection_of = {id(frame): index for index, each in enumerate(connections) for frame in each.frames}
    frames = run.frames()
    numbers = {id(frame): number for number, frame in enumerate(frames)}
    again = {id(frame): numbers[id(original)] for each in connections for frame, original in _repeated(each)}
    dropped_by = _dropped_by(run)
    for number, frame in enumerate(frames):
        index = connection_of.get(id(frame))
        connection = None if index is None else connections[index]
        yield Arrow(
            number,
            frame.sent_at - began,
            frame.source,
            frame.toward,
            tuple(t - began for t in frame.delivered_at),
            ""
            if frame.delivered_at
            else dropped_by.get((frame.toward, frame.data)) or _fault_that_can_lose(run, frame),
            bool(frame.damaged),
            frame.packet.protocol,
            describe.label(frame, connection),
            describe.tcpdump(frame, connection),
            describe.fields(frame),
            index,
            again.get(id(frame)),
        )


def _repeated(connection: TcpStream) -> Iterator[tuple[Frame, Frame]]:
    """Each retransmission with the first segment that carried its first number."""
    for frame in connection.retransmissions:
        original = connection.sendings(frame)[0]
        if original is not frame:
            yield frame, original


def _dropped_by(run: Evidence) -> dict[tuple[str, bytes], str]:
    """Which fault dropped a frame, as the relay recorded it."""
    return {(each.toward, each.frame): each.fault for each in run.decisions(verdict="drop")}


def _fault_that_can_lose(run: Evidence, frame: Frame) -> str:
    """A fault that was in force and can lose frames, since netem does not report what it dropped."""
    for period in run.faults(toward=frame.toward):
        if period.fault.can_lose and period.in_force(frame.sent_at):
            return period.name
    return ""


def _bands(run: Evidence, connections: tuple[TcpStream, ...], began: int) -> Iterator[Band]:
    ends = {
        (host, port, other_port): index
        for index, each in enumerate(connections)
        for host, port, other_port in (
            (each.client, each.client_port, each.server_port),
            (each.server, each.server_port, each.client_port),
        )
    }
    for host in run.hosts:
        with suppress(NotRecorded):  # a host whose sockets were not sampled has no bands
            for timeline in run.host(host).timelines(protocol="tcp"):
                connection = ends.get((host, timeline.local[1], timeline.remote[1]))
                yield from _periods(host, timeline, connection, began)


def _periods(host: str, timeline: SocketTimeline, connection: int | None, began: int) -> Iterator[Band]:
    local = _address(timeline.local)
    remote = _address(timeline.remote)
    for period in timeline.periods:
        ended = period.left_by - began if period.ended else None
        yield Band(host, local, remote, connection, period.state, max(0, period.entered_by - began), ended)


def _address(end: tuple[str, int]) -> str:
    address, port = end
    return f"{address}:{port}" if port else ""


def _calls(run: Evidence, connections: tuple[TcpStream, ...], began: int) -> Iterator[Event]:
    calls = run.calls()
    connection_of = connections_of_calls(calls, connections)
    for call in calls:
        if call.call not in NOT_SHOWN:
            yield Event(
                call.host,
                call.began - began,
                call.ended - began,
                "call",
                describe.call(call),
                call.errno is not None,
                describe.result(call),
                connection_of.get((call.host, call.socket)),
            )


def _programs(run: Evidence, began: int) -> Iterator[Event]:
    for program in run.programs:
        assert program.started is not None
        at = program.started - began
        yield Event(program.host, at, at, "program", describe.started(program), False)
        for t, stream, line in _lines(program):
            yield Event(program.host, t - began, t - began, "output", f"{program.name}: {line}", stream == "err")
        for typed in program.inputs:
            at = typed.t - began
            yield Event(
                program.host, at, at, "input", f"typed into {program.name}: {visible(typed.text.rstrip())}", False
            )
        if program.exited is not None:
            at = program.exited - began
            yield Event(
                program.host, at, at, "program", describe.ended(program), bool(program.status or program.signal)
            )


def _lines(program: Program) -> Iterator[tuple[int, str, str]]:
    """What a program wrote, line by line, each with the time of its first piece: one `print` may arrive in several."""
    incomplete: dict[str, tuple[int, str]] = {}
    for output in program.outputs:
        t, before = incomplete.pop(output.stream, (output.t, ""))
        *lines, rest = (before + output.text).split("\n")
        for line in lines:
            yield t, output.stream, line
            t = output.t
        if rest:
            incomplete[output.stream] = t, rest
    for stream, (t, rest) in incomplete.items():
        yield t, stream, rest


def _faults(run: Evidence, began: int) -> Iterator[FaultInForce]:
    """Each fault from when it was set until it was lifted, even if another engine took it over in between."""
    periods = [
        FaultInForce(each.toward, describe.fault(each), each.began - began, _since(each.ended, began))
        for each in run.faults()
    ]
    while periods:
        earliest = periods.pop(0)
        for index, other in enumerate(periods):
            if (earliest.toward, earliest.text, earliest.ended) == (other.toward, other.text, other.began):
                periods[index] = replace(other, began=earliest.began)
                break
        else:
            yield earliest


def _since(t: int | None, began: int) -> int | None:
    return None if t is None else t - began
