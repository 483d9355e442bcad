"""Waits for what never comes: something to interrupt."""

from badwire.old.claims import RFC, Verdict, claim, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab


@scenario("Nobody ever comes")
def endless(lab: Lab) -> None:
    server = lab.host("server")
    server.listen(7000)
    server.wait_until(state="ESTABLISHED", port=7000, timeout=300)


@claim(RFC("9293", "3.5"))
def somebody_came(seen: Evidence) -> Verdict:
    """Nobody did."""
    return happened(seen.segments(port=7000), "a segment")
