"""A program of the user's own, next to its scenario."""

from pathlib import Path

from badwire.claims import RFC, Checks, claim, equals
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

OWN = Path(__file__).parent / "shout"


@scenario("A server of one's own answers", mounts=[OWN])
def own(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start(str(OWN), "{port}", port=7000)
    connection = client.connect(server.at(7000))
    connection.send(b"hello")
    connection.recv()


@claim("It shouts", RFC("9293", "3.9.1"))
def it_shouts(run: Evidence) -> Checks:
    """What it was told comes back in capital letters."""
    yield equals("recv returns", run.host("client").call("recv").value, b"HELLO")
