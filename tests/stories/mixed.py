"""One claim that holds, one that fails, one that nobody can judge.

client                server
  |  SYN  ------------>  |  nobody listens
  |  <------------  RST  |
"""

from badwire.faults import Loss
from badwire.old.claims import RFC, Verdict, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7000


@scenario("A SYN to a closed port is answered by a RST", sysctls={"server": {"net.ipv4.tcp_sack": "0"}})
def mixed(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    with lab.wire.fault(Loss(0.0), toward=server):
        client.connect(server.at(PORT)).close()


@claim(RFC("9293", "3.10.7.1"))
def a_syn_was_sent(seen: Evidence) -> Verdict:
    """It happened at all."""
    return happened(seen.segments(port=PORT), "a SYN to a closed port")


@claim(RFC("9293", "3.10.7.1"))
def one_segment_is_enough(seen: Evidence) -> Verdict:
    """It takes two."""
    segments = seen.segments(port=PORT)
    return equals(len(segments) if segments else None, 1, "segments")


@claim(RFC("768"))
def a_datagram_was_sent(seen: Evidence) -> Verdict:
    """None was."""
    return happened(seen.datagrams(), "a datagram")
