"""Waits for an event that never happens: a run to interrupt."""

from badwire.claims import RFC, Checks, claim, seen
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab


@scenario("Nobody ever comes")
def endless(lab: Lab) -> None:
    server = lab.host("server")
    server.listen(7000)
    server.wait_until(state="ESTABLISHED", port=7000, timeout=300)


@claim("Somebody came", RFC("9293", "3.5"))
def somebody_came(run: Evidence) -> Checks:
    """Nobody did."""
    yield seen("segments on port 7000", run.segments(port=7000))
