"""A thin wire: a stream as fast as it is, a burst of which it keeps what it has room for; and one that doubles."""

from badwire.faults import Duplicate, Rate
from badwire.old.claims import Instrument, Verdict, claim, equals, unknown, within
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import Mbit, kbit

STREAM, BURST = 7001, 7002
LINK, ROOM, SENT = 2 * Mbit, 5, 20
ASKED = Instrument("what was asked of the wire")


@scenario("A stream and two bursts on a thin wire")
def thin(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("sink", STREAM)
    server.socket("udp", BURST)
    with lab.wire.fault(Rate(LINK), toward=server):
        client.run("source", "--bytes", 200_000, server.at(STREAM))
        client.wait_until(state="TIME_WAIT", port=STREAM)
    for note, fault in (("narrow", Rate(100 * kbit, limit=ROOM)), ("twice", Duplicate(1))):
        lab.note(note)
        with lab.wire.fault(fault, toward=server):
            client.run("send_datagrams", server.at(BURST), "--count", SENT, "--timeout", 0.5)


@claim(ASKED)
def a_stream_is_as_fast_as_the_link(seen: Evidence) -> Verdict:
    """Within 2 %, from one full frame to the last of them: they find a queue, as does nothing before."""
    full = [frame for frame in seen.segments("client", port=STREAM) or () if frame.length == 1514]
    if len(full) < 100:
        return unknown("there were too few full frames")
    first, *rest = full[20:]
    bits = sum(8 * frame.length for frame in rest)
    return within(bits / (rest[-1].arrived - first.arrived) * NS, 0.98 * LINK, 1.02 * LINK, "bit/s")


@claim(ASKED)
def of_a_burst_arrives_what_there_is_room_for(seen: Evidence) -> Verdict:
    burst = seen.phase("narrow").datagrams("client", port=BURST) or ()
    return equals([len(each.delivered_at) for each in burst], [1] * ROOM + [0] * (SENT - ROOM), "arrivals")


@claim(ASKED)
def where_all_are_doubled_each_comes_twice(seen: Evidence) -> Verdict:
    burst = seen.phase("twice").datagrams("client", port=BURST) or ()
    return equals([len(each.delivered_at) for each in burst], [2] * SENT, "arrivals")
