"""A run as a story: what passed between the hosts and what happened on each of them, in order, for whoever draws it.

Made from the evidence alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from lab.evidence import Connection, Evidence, Frame, NothingSeen
from lab.instrument import CAN_LOSE
from lab.report import words
from lab.report.driven import connected
from lab.report.told import Arrow, Band, Event, InForce, Story
from lab.seen_records import Program
from lab.seen_states import UNSEEN, History

__all__ = ["Arrow", "Band", "Event", "InForce", "Story", "story"]

PREPARING = ("settimeout", "getsockname", "getpeername")  # calls that are no part of any lesson


def story(seen: Evidence) -> Story:
    """The story of a run."""
    began = int(seen.meta["t"])
    connections = seen.connections() or ()
    return Story(
        hosts=_in_order({*seen.hosts, *(frame.source for frame in seen.frames() or ())}),
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


def _arrows(seen: Evidence, connections: tuple[Connection, ...], began: int) -> Iterator[Arrow]:
    of = {id(frame): place for place, each in enumerate(connections) for frame in each.segments}
    frames = seen.frames() or ()
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


def _repeated(connection: Connection) -> Iterator[tuple[Frame, Frame]]:
    """Each retransmission with the first segment that carried its first number."""
    for frame in connection.retransmissions or ():
        first = connection.sendings(frame)[0]
        if first is not frame:
            yield frame, first


def _taken(seen: Evidence) -> dict[tuple[str, bytes], str]:
    """Which fault dropped a frame, as the relay said."""
    return {(each.toward, each.frame): each.fault for each in seen.decisions(verdict="drop") or ()}


def _may_have_taken(seen: Evidence, frame: Frame) -> str:
    """The fault that was in force and can lose frames: netem does not say what it dropped."""
    able = (each for each in seen.faults(toward=frame.toward) or () if each.name in CAN_LOSE)
    return next((each.name for each in able if each.in_force(frame.sent_at)), "")


def _bands(seen: Evidence, connections: tuple[Connection, ...], began: int) -> Iterator[Band]:
    ends = {
        (host, port, other_port): place
        for place, each in enumerate(connections)
        for host, port, other_port in (
            (each.client, each.client_port, each.server_port),
            (each.server, each.server_port, each.client_port),
        )
    }
    for host in seen.hosts:
        with suppress(NothingSeen):  # of a host that nobody looked at the rest can still be told
            for history in seen.sockets(host).histories(protocol="tcp") or ():
                place = ends.get((host, history.local[1], history.remote[1]))
                yield from _stays(host, history, place, began)


def _stays(host: str, history: History, place: int | None, began: int) -> Iterator[Band]:
    local, remote = (f"{address}:{port}" if port else "" for address, port in (history.local, history.remote))
    for stay in history.stays:
        ended = None if stay.left_by == UNSEEN else stay.left_by - began
        yield Band(host, local, remote, place, stay.state, max(0, stay.by - began), ended)


def _calls(seen: Evidence, connections: tuple[Connection, ...], began: int) -> Iterator[Event]:
    calls = seen.calls() or ()
    of = connected(calls, connections)
    for call in calls:
        if call.call not in PREPARING:
            at, ended, failed = call.began - began, call.ended - began, call.errno is not None
            place = of.get((call.host, call.socket))
            yield Event(call.host, at, ended, "call", words.call(call), failed, words.gave(call), place)


def _programs(seen: Evidence, began: int) -> Iterator[Event]:
    for program in seen.programs() or ():
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
    told = [InForce(f.toward, words.fault(f), f.began - began, _since(f.ended, began)) for f in seen.faults() or ()]
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
