"""A program that tries to use the terminal; then a wait that never ends, during which a test inspects it."""

from pathlib import Path

from badwire.claims import RFC, Checks, claim, seen
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

OWN = Path(__file__).parent / "rude"


@scenario("A program writes control characters", mounts=[OWN])
def rude(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    lab.note("so does \x1b[31m the scenario")
    server.run(str(OWN))
    client.connect(server.at(7000))
    client.wait_until(state="ESTABLISHED", port=7000, timeout=300)


@claim("A SYN was sent", RFC("9293", "3.5"))
def syn_sent(run: Evidence) -> Checks:
    """It happened at all."""
    yield seen("segments on port 7000", run.segments(port=7000))
