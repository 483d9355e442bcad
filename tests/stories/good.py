"""What holds on any machine."""

from badwire.claims import RFC, Checks, claim, seen
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab


@scenario("A SYN crosses the wire")
def good(lab: Lab) -> None:
    lab.host("client").connect(lab.host("server").at(7000)).close()


@claim("A SYN was sent", RFC("9293", "3.5"))
def syn_sent(run: Evidence) -> Checks:
    """It happened at all."""
    yield seen("segments on port 7000", run.segments(port=7000))
