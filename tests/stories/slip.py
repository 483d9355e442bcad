"""A scenario with a mistake of its author."""

from badwire.claims import RFC, Checks, claim, seen
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab


@scenario("A slip of the pen")
def slip(lab: Lab) -> None:
    hosts = {"sever": lab.host("server")}
    hosts["server"].listen(7000)


@claim("Something was sent", RFC("9293", "3.5"))
def something_sent(run: Evidence) -> Checks:
    """Nothing was."""
    yield seen("segments", run.segments())
