"""A long path: different delays in the two directions, longer ones for a while, and none at the end."""

from badwire.claims import Check, Checks, Instrument, between, claim, equals
from badwire.claims.instrument import EARLY, LATE
from badwire.evidence import Evidence, Frame
from badwire.faults import Delay
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

OPEN, CLOSED = 7001, 7002
THERE, BACK, MORE = 60 * ms, 25 * ms, 0.2
WAYS = ((THERE, BACK), (THERE + MORE, BACK + MORE), (0.0, 0.0))
ASKED = Instrument("what was asked of the wire")


@scenario("A connection over a long way")
def far(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.connect(client.at(CLOSED))  # so they know each other's MAC address
    server.listen(OPEN)
    with lab.wire.fault(Delay(THERE), toward=server), lab.wire.fault(Delay(BACK), toward=client):
        client.connect(server.at(OPEN))
        server.wait_until(state="ESTABLISHED", port=OPEN)
        with lab.wire.fault(Delay(MORE)):
            client.connect(server.at(OPEN))
            server.wait_until(state="ESTABLISHED", port=OPEN, count=2)
    client.connect(server.at(OPEN))
    server.wait_until(state="ESTABLISHED", port=OPEN, count=3)


@claim("Each way takes the delays that are in force toward its end", ASKED)
def each_way(run: Evidence) -> Checks:
    connections = run.connections(OPEN)
    yield equals("connections", len(connections), len(WAYS))
    for number, (there, back) in enumerate(WAYS):
        opening = connections.nth(number + 1).opening
        yield delayed("SYN", opening.syn, there)
        yield delayed("SYN with ACK", opening.syn_ack, back)
        yield delayed("ACK", opening.ack, there)


def delayed(name: str, frame: Frame, asked: float) -> Check:
    """What a frame took, against the delay asked for."""
    return between(name, frame.delay, max(0, asked - EARLY), asked + LATE, "s")


@claim("connect takes both", ASKED)
def connect_takes_both(run: Evidence) -> Checks:
    calls = run.host("client").calls("connect")
    yield equals("calls", len(calls), len(WAYS))
    for number, way in enumerate(WAYS):
        both = sum(way)
        yield between("connect", calls.nth(number + 1).took, max(0, both - EARLY), both + 2 * LATE, "s")
