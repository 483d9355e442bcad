"""A long way: other delays there and back, more of both for a while, and none in the end."""

from badwire.faults import Delay
from badwire.old.claims import Instrument, Verdict, all_of, claim, unknown, within
from badwire.old.claims.instrument import EARLY, LATE
from badwire.old.evidence import NS, Evidence
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


@claim(ASKED)
def each_way_takes_the_delays_that_are_in_force_toward_its_end(seen: Evidence) -> Verdict:
    verdicts = []
    for connection, (there, back) in zip(seen.connections(OPEN) or (), WAYS, strict=True):
        syn, answer, ack = connection.handshake or (None, None, None)
        if syn is None or answer is None or ack is None:
            return unknown("a handshake is missing")
        for frame, asked in ((syn, there), (answer, back), (ack, there)):
            verdicts.append(within(frame.delay, max(0, asked - EARLY), asked + LATE, "s"))
    return all_of(*verdicts)


@claim(ASKED)
def connect_takes_both(seen: Evidence) -> Verdict:
    calls = seen.calls("client", "connect") or ()
    took = [(each.ended - each.began) / NS for each in calls]
    return all_of(*(within(t, max(0, sum(w) - EARLY), sum(w) + 2 * LATE, "s") for t, w in zip(took, WAYS, strict=True)))
