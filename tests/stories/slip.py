"""A slip of its author's."""

from badwire.old.claims import RFC, Verdict, claim, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab


@scenario("A slip of the pen")
def slip(lab: Lab) -> None:
    hosts = {"sever": lab.host("server")}
    hosts["server"].listen(7000)


@claim(RFC("9293", "3.5"))
def something_was_sent(seen: Evidence) -> Verdict:
    """Nothing was."""
    return happened(seen.segments(), "a segment")
