"""A slow link: a stream at its rate, a burst that exceeds its queue, and duplication."""

from badwire.claims import Checks, Instrument, at_least, between, claim, equals
from badwire.evidence import NS, Evidence
from badwire.faults import Duplicate, Rate
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


@claim("A stream is as fast as the link", ASKED)
def stream_as_fast_as_the_link(run: Evidence) -> Checks:
    """Within 2 %, from one full frame to the last of them: they find a queue, and nothing before does."""
    full = run.segments("client", port=STREAM).where(lambda frame: frame.length == 1514)
    yield at_least("full frames", len(full), 100, "frames")
    first = full.nth(21)
    bits = 8 * sum(full[21:].map(lambda frame: frame.length))
    rate = bits / (full.last.arrived - first.arrived) * NS
    yield between("rate", rate, 0.98 * LINK, 1.02 * LINK, "bit/s")


@claim("Of a burst arrives what there is room for", ASKED)
def burst(run: Evidence) -> Checks:
    sent = run.phase("narrow").datagrams("client", port=BURST)
    arrivals = sent.map(lambda frame: len(frame.delivered_at))
    yield equals("arrivals of each datagram", arrivals, [1] * ROOM + [0] * (SENT - ROOM))


@claim("Where all are doubled each comes twice", ASKED)
def doubled(run: Evidence) -> Checks:
    sent = run.phase("twice").datagrams("client", port=BURST)
    yield equals("arrivals of each datagram", sent.map(lambda frame: len(frame.delivered_at)), [2] * SENT)
