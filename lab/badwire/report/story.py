"""A run as a story: the frames between the hosts, and the events on each host, in order, as plain data.

It is made from the evidence alone, for the page, the live screen and `badwire show`. Times are ns since the run began.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.sockets import Address, SocketTimeline
from badwire.evidence.stream import TcpStream
from badwire.report import describe
from badwire.report.call_connections import connections_of_calls
from badwire.store.records import NotRecorded, Program
from badwire.util.text import endpoint, visible


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

    ``ended`` is when a call returned, and ``result`` its result, with which ``text`` ends; of a call that has not
    returned, the time of the last record. For everything else ``result`` is empty. ``connection`` is the socket's, as
    in Arrow.
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
        given: the parameters and variables of the run, as ``describe.given`` writes them.
    """

    hosts: tuple[str, ...]
    ended: int
    connections: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    bands: tuple[Band, ...]
    events: tuple[Event, ...]
    faults: tuple[FaultInForce, ...]
    notes: tuple[tuple[int, str], ...]
    given: tuple[str, ...] = ()


NOT_SHOWN = ("settimeout", "getsockname", "getpeername")  # calls that change nothing on the wire or in the kernel


def story(run: Evidence) -> Story:
    """The story of a run."""
    began = int(run.meta["t"])
    last = int(run.records[-1].get("t", began))
    connections = run.wire.streams
    bands = sorted(_bands(run, began), key=lambda band: (band.host, band.began))
    events = [*_calls(run, began, last), *_programs(run, began)]
    events.sort(key=lambda event: event.began)
    faults = sorted(_faults(run, began), key=lambda fault: fault.began)
    return Story(
        hosts=_hosts(run),
        ended=last - began,
        connections=tuple(describe.connection(stream) for stream in connections),
        arrows=tuple(_arrows(run, began)),
        bands=tuple(bands),
        events=tuple(events),
        faults=tuple(faults),
        notes=tuple((note.t - began, note.text) for note in run.notes),
        given=tuple(describe.given({"parameters": run.parameters, "subjects": run.subjects, "env": run.env})),
    )


def _hosts(run: Evidence) -> tuple[str, ...]:
    """Clients on the left and servers on the right, as textbooks draw them; the wire, if it sent frames, in between."""
    hosts = set(run.hosts)
    for frame in run.frames():
        hosts.add(frame.source)
    clients = sorted(host for host in hosts if host.startswith("client"))
    servers = sorted(host for host in hosts if host.startswith("server"))
    others = sorted(hosts.difference(clients, servers))
    return (*clients, *others, *servers)


def _arrows(run: Evidence, began: int) -> Iterator[Arrow]:
    frames = run.frames()
    connections = run.wire.streams
    connection_of = _connections_of_frames(connections)
    repeated = _repeated(frames, connections)
    dropped_by = _dropped_by(run)
    for number, frame in enumerate(frames):
        index = connection_of.get(id(frame))
        connection = None if index is None else connections[index]
        lost_to = ""
        if not frame.delivered_at:
            lost_to = dropped_by.get((frame.toward, frame.data)) or _fault_that_can_lose(run, frame)
        yield Arrow(
            number=number,
            sent=frame.sent_at - began,
            source=frame.source,
            toward=frame.toward,
            delivered=tuple(t - began for t in frame.delivered_at),
            lost_to=lost_to,
            damaged=bool(frame.damaged),
            protocol=frame.packet.protocol,
            label=describe.label(frame, connection),
            tcpdump=describe.tcpdump(frame, connection),
            fields=describe.fields(frame),
            connection=index,
            again=repeated.get(id(frame)),
        )


def _connections_of_frames(connections: tuple[TcpStream, ...]) -> dict[int, int]:
    """The index of each frame's connection, by the frame's id()."""
    found = {}
    for index, connection in enumerate(connections):
        for frame in connection.frames:
            found[id(frame)] = index
    return found


def _repeated(frames: Iterable[Frame], connections: tuple[TcpStream, ...]) -> dict[int, int]:
    """For each retransmission, by its id(), the number of the first segment that carried its first number."""
    numbers = {id(frame): number for number, frame in enumerate(frames)}
    repeated = {}
    for connection in connections:
        for frame in connection.retransmissions:
            original = connection.sendings(frame)[0]
            if original is not frame:
                repeated[id(frame)] = numbers[id(original)]
    return repeated


def _dropped_by(run: Evidence) -> dict[tuple[str, bytes], str]:
    """Which fault dropped a frame, as the relay recorded it, by the receiver and the frame's bytes."""
    dropped_by = {}
    for decision in run.decisions(verdict="drop"):
        dropped_by[decision.toward, decision.frame] = decision.fault
    return dropped_by


def _fault_that_can_lose(run: Evidence, frame: Frame) -> str:
    """A fault that was in force and can lose frames, since netem does not report what it dropped."""
    for period in run.faults(toward=frame.toward):
        if period.fault.can_lose and period.may_apply_to(frame):
            return period.name
    return ""


def _bands(run: Evidence, began: int) -> Iterator[Band]:
    connection_of = _connections_of_ends(run.wire.streams)
    for host in run.hosts:
        with suppress(NotRecorded):  # a host whose sockets were not sampled has no bands
            for timeline in run.host(host).timelines(protocol="tcp"):
                ends = (host, timeline.local_port, timeline.remote_port)
                yield from _bands_of(host, timeline, connection_of.get(ends), began)


def _connections_of_ends(connections: tuple[TcpStream, ...]) -> dict[tuple[str, int, int], int]:
    """The index of the last connection with these ends, each named by a host, its port and the other port."""
    found = {}
    for index, stream in enumerate(connections):
        found[stream.client, stream.client_port, stream.server_port] = index
        found[stream.server, stream.server_port, stream.client_port] = index
    return found


def _bands_of(host: str, timeline: SocketTimeline, connection: int | None, began: int) -> Iterator[Band]:
    for period in timeline.periods:
        yield Band(
            host=host,
            local=_address(timeline.local),
            remote=_address(timeline.remote),
            connection=connection,
            state=period.state,
            began=max(0, period.entered_by - began),
            ended=period.left_by - began if period.ended else None,
        )


def _address(end: Address) -> str:
    """An address and a port as text; empty without a port."""
    address, port = end
    return endpoint(address, port) if port else ""


def _calls(run: Evidence, began: int, last: int) -> Iterator[Event]:
    calls = run.calls()
    connection_of = connections_of_calls(calls, run.wire.streams)
    for call in calls:
        if call.call in NOT_SHOWN:
            continue
        yield Event(
            host=call.host,
            began=call.began - began,
            ended=(call.ended if call.returned else last) - began,
            kind="call",
            text=describe.call(call),
            failed=call.returned and call.errno is not None,
            result=describe.result(call) if call.returned else "",
            connection=connection_of.get((call.host, call.socket)),
        )


def _programs(run: Evidence, began: int) -> list[Event]:
    """The events of all programs, by time; those of the same time in the order in which they were recorded."""
    programs = {(program.host, program.number): program for program in run.programs}
    found: list[_RecordedEvent] = []
    incomplete: dict[tuple[Program, str], _RecordedText] = {}
    for position, record in enumerate(run.records):
        if record["kind"] not in ("program", "output", "input"):
            continue
        program = programs.get((record["host"], record["program"]))
        if program is None:  # its start was not recorded
            continue
        recorded = _RecordedText(record["t"] - began, position, record.get("text", ""))
        if record["kind"] == "input":
            found.append(_input(program, recorded))
        elif record["kind"] == "output":
            stream = record["stream"]
            begun = incomplete.pop((program, stream), None)
            *lines, rest = _lines(recorded, begun)
            found += [_output(program, stream, line) for line in lines]
            if rest.text:
                incomplete[program, stream] = rest
        elif record["event"] == "start":
            found.append(_program_event(program, recorded, "program", describe.started(program)))
        elif record["event"] == "exit":
            failed = bool(program.status or program.signal)
            found.append(_program_event(program, recorded, "program", describe.ended(program), failed))
    for (program, stream), rest in incomplete.items():
        found.append(_output(program, stream, rest))
    found.sort(key=lambda each: (each.event.began, each.position))
    return [each.event for each in found]


class _RecordedText(NamedTuple):
    """A text at the time ``t`` in ns, and the place of its record in the run, since many records have the same time."""

    t: int
    position: int
    text: str


class _RecordedEvent(NamedTuple):
    """An event, and the place of its record in the run."""

    position: int
    event: Event


def _lines(recorded: _RecordedText, begun: _RecordedText | None) -> Iterator[_RecordedText]:
    """What a program wrote, line by line, each at the time of its beginning: one `print` may arrive in pieces.

    Args:
        recorded: what it wrote.
        begun: the line that it had begun before, if any.

    Yields:
        The lines without their newlines; the last one is incomplete, and may be empty.
    """
    first, *others = recorded.text.split("\n")
    if begun is None:
        yield recorded._replace(text=first)
    else:
        yield begun._replace(text=begun.text + first)
    for line in others:
        yield recorded._replace(text=line)


def _output(program: Program, stream: str, line: _RecordedText) -> _RecordedEvent:
    return _program_event(program, line, "output", f"{program.name}: {line.text}", failed=stream == "err")


def _input(program: Program, typed: _RecordedText) -> _RecordedEvent:
    text = visible(typed.text.rstrip())
    return _program_event(program, typed, "input", f"typed into {program.name}: {text}")


def _program_event(
    program: Program,
    recorded: _RecordedText,
    kind: str,
    text: str,
    failed: bool = False,
) -> _RecordedEvent:
    """An event of a program, which takes no time."""
    event = Event(
        host=program.host,
        began=recorded.t,
        ended=recorded.t,
        kind=kind,
        text=text,
        failed=failed,
    )
    return _RecordedEvent(recorded.position, event)


def _faults(run: Evidence, began: int) -> Iterator[FaultInForce]:
    """Each fault from when it was set until it was lifted, even if another engine took it over in between."""
    periods = []
    for period in run.faults():
        periods.append(
            FaultInForce(
                toward=period.toward,
                text=describe.fault(period),
                began=period.began - began,
                ended=None if period.ended is None else period.ended - began,
            )
        )
    while periods:
        earliest = periods.pop(0)
        index = _continuation(earliest, periods)
        if index is None:
            yield earliest
        else:
            periods[index] = replace(periods[index], began=earliest.began)


def _continuation(fault: FaultInForce, later: Sequence[FaultInForce]) -> int | None:
    """The index of the period that begins when ``fault`` ends, with the same fault toward the same host."""
    for index, other in enumerate(later):
        same = other.toward == fault.toward and other.text == fault.text
        if same and other.began == fault.ended:
            return index
    return None
