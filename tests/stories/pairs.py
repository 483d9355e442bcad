"""Three hosts: one is cut off for half a second, then a delay between two of them, then a reset.

Only what goes between the named hosts meets the faults.
"""

from badwire.claims import Checks, Instrument, between, claim, equals, seen
from badwire.claims.instrument import EARLY_VIRTUAL, LATE_VIRTUAL
from badwire.evidence import Evidence
from badwire.faults import Delay, Partition, Reset
from badwire.scenario import scenario
from badwire.store.records import NS
from badwire.testbed import Lab
from badwire.units import ms

PORT, OTHER, LAST = 7000, 7001, 7002
CUT = 500 * ms
SLOW = 40 * ms
ASKED = Instrument("what was asked of the wire")


@scenario("Faults between two hosts of three", hosts={"client": 2})
def pairs(lab: Lab) -> None:
    server, one, two = lab.host("server"), lab.host("client1"), lab.host("client2")
    for port in (PORT, OTHER, LAST):
        server.listen(port)
    two.listen(OTHER)
    one.connect(two.at(OTHER))
    one.connect(server.at(OTHER))
    with lab.wire.fault(Partition(for_=CUT), of=server):
        one.connect(two.at(OTHER))
        one.connect(server.at(PORT))
    with lab.wire.fault(Delay(SLOW), between=(one, server)):
        one.connect(server.at(LAST))
        two.connect(server.at(LAST))
    with lab.wire.fault(Reset(), from_=one, toward=server):
        one.connect(server.at(LAST))


@claim("The partition ends by itself", ASKED)
def partition_ends(run: Evidence) -> Checks:
    periods = run.faults(kind=Partition)
    yield equals("faults", len(periods), 3)
    for period in periods:
        lasted = None if period.ended is None else (period.ended - period.began) / NS
        yield between("time in force", lasted, CUT - EARLY_VIRTUAL, CUT + LATE_VIRTUAL, "s")


@claim("A host that is cut off gets nothing and is not heard; the others go on", ASKED)
def cut_off(run: Evidence) -> Checks:
    period = run.faults(kind=Partition).first
    frames = run.frames(protocol="tcp", after=period.began, before=period.ended)
    of_server = frames.where(lambda frame: "server" in (frame.source, frame.toward))
    others = frames.where(lambda frame: "server" not in (frame.source, frame.toward))
    yield seen("segments to or from the server", of_server)
    yield equals("of these, delivered", len(of_server.where(lambda frame: bool(frame.delivered_at))), 0)
    yield seen("segments of the others", others)
    yield equals("of these, lost", len(others.where(lambda frame: not frame.delivered_at)), 0)


@claim("The delay is on the frames of one pair", ASKED)
def delay_of_a_pair(run: Evidence) -> Checks:
    slow, fast = run.connections(LAST).first, run.connections(LAST).nth(2)
    yield between("SYN of client1", slow.opening.syn.delay, SLOW, SLOW + LATE_VIRTUAL, "s")
    yield between("SYN and ACK to client1", slow.opening.syn_ack.delay, SLOW, SLOW + LATE_VIRTUAL, "s")
    yield between("SYN of client2", fast.opening.syn.delay, 0, LATE_VIRTUAL, "s")


@claim("The reset refuses a connection", ASKED)
def reset_refuses(run: Evidence) -> Checks:
    yield equals("result of connect", run.host("client1").calls("connect").last.errno, "ECONNREFUSED")
    yield equals("resets of the wire", len(run.segments("wire", flags="R")), 2)
