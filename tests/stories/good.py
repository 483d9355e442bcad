"""What holds on any machine."""

from badwire.old.claims import RFC, Verdict, claim, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab


@scenario("A SYN crosses the wire")
def good(lab: Lab) -> None:
    lab.host("client").connect(lab.host("server").at(7000)).close()


@claim(RFC("9293", "3.5"))
def a_syn_was_sent(seen: Evidence) -> Verdict:
    """It happened at all."""
    return happened(seen.segments(port=7000), "a SYN")
