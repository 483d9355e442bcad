"""How much is sent: a scenario with parameters, and a program that prints variables of its environment."""

from badwire.claims import Checks, Instrument, claim, equals
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7000


@scenario(
    "As much is sent as was asked for", parameters={"bytes": 1000, "twice": False, "word": "plain", "seconds": 0.5}
)
def amount(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("echo_serial", PORT)
    for _ in range(2 if lab.parameters["twice"] else 1):
        client.run("send_and_verify", server.at(PORT), "--bytes", lab.parameters["bytes"])
    client.run("/bin/sh", "-c", 'echo "$LEVEL $WORD"', env={"WORD": lab.parameters["word"]})


@claim("It was as much", Instrument("the parameters of the run"))
def as_much(run: Evidence) -> Checks:
    sizes = run.connections(PORT).map(lambda connection: len(connection.client.data))
    times = 2 if run.parameters["twice"] else 1
    yield equals("bytes of each connection", sizes, (run.parameters["bytes"],) * times)


@claim("The program printed what was given", Instrument("the environment of the run"))
def printed(run: Evidence) -> Checks:
    level = run.env.get("LEVEL", "")
    yield equals("it printed", run.host("client").program("sh").out, f"{level} {run.parameters['word']}\n")
