"""One claim that holds, one that fails, one that cannot be judged.

client                server
  |  SYN  ------------>  |  nobody listens
  |  <------------  RST  |
"""

from badwire.claims import RFC, Checks, claim, equals, seen
from badwire.evidence import Evidence
from badwire.faults import Loss
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7000


@scenario("A SYN to a closed port is answered by a RST", sysctls={"server": {"net.ipv4.tcp_sack": "0"}})
def mixed(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    with lab.wire.fault(Loss(0.0), toward=server):
        client.connect(server.at(PORT)).close()


@claim("A SYN was sent", RFC("9293", "3.10.7.1"))
def syn_sent(run: Evidence) -> Checks:
    """It happened at all."""
    yield seen("segments to a closed port", run.segments(port=PORT))


@claim("One segment is enough", RFC("9293", "3.10.7.1"))
def one_segment_is_enough(run: Evidence) -> Checks:
    """It takes two."""
    yield equals("segments sent", len(run.segments(port=PORT)), 1, "segments")


@claim("A datagram was sent", RFC("768"))
def a_datagram_was_sent(run: Evidence) -> Checks:
    """None was."""
    yield seen("datagrams", run.datagrams())
