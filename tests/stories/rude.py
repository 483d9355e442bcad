"""A program that would like to have the terminal, and one that waits meanwhile."""

from pathlib import Path

from lab.claims import RFC, Verdict, claim, equals
from lab.evidence import Evidence
from lab.lab import Lab
from lab.scenario import scenario

OWN = Path(__file__).parent / "rude"


@scenario("A program writes control characters", mounts=[OWN])
def rude(lab: Lab) -> None:
    lab.note("so does \x1b[31m the scenario")
    lab.host("server").run(str(OWN))
    lab.host("client").connect(lab.host("server").at(7000))


@claim(RFC("9293", "3.5"))
def it_wrote(seen: Evidence) -> Verdict:
    """What it wrote is shown as measured."""
    return equals(seen.said("server", "rude"), "nothing")
