"""Many clients, one server: one after another, or at the same time with processes, threads or one event loop.

    first client          server             second client
      |  <---- answer ----  |                      |
      |                     |  <-- connected ---   |  by the kernel, which keeps the request too:
      |                     |  <--- request ----   |  the program has not called accept for it yet
      |  ------- FIN ---->  |                      |
                            |  ----- answer --->   |  once the first client has closed

The other three servers answer fifty clients before one of them closes. A child that has served a client stays a zombie
until its parent waits for it. Read next: Stevens, UNIX Network Programming vol. 1, chapters 5, 6 and 30.
"""

from badwire.claims import Book, Checks, Man, Text, at_least, claim, each, equals, seen, unknown
from badwire.evidence import NS, Connection, Evidence, NotRecorded, Program, Records
from badwire.scenario import scenario
from badwire.testbed import Lab

SERIAL = 7001
SIDE_BY_SIDE = {
    "echo_fork": 7002,
    "echo_thread": 7003,
    "echo_select": 7004,
}
SERVERS = 1 + len(SIDE_BY_SIDE)
CLIENTS = 50
STAY = 20  # s; how long the first client may wait for the answers of all the others
REQUEST = b"me too"
# send_and_verify runs as the first client of the serial server, and then once with each server when all have left.
VERIFIED = 1 + SERVERS


@scenario("One server makes its second client wait, the others serve fifty side by side")
def concurrent(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    serial = server.start("echo_serial", SERIAL)
    first = client.start("send_and_verify", server.at(SERIAL), "--hold")
    second = client.connect(server.at(SERIAL))
    second.send(REQUEST)
    answer = second.begin("recv", len(REQUEST))
    server.wait_until(state="ESTABLISHED", port=SERIAL, where=lambda entry: entry["inode"] == 0 and entry["rqueue"] > 0)
    lab.pass_time(1.0, "the first client stays, the second waits")
    first.stop()
    answer.result()
    second.close()
    client.run("send_and_verify", server.at(SERIAL))
    serial.stop()

    for name, port in SIDE_BY_SIDE.items():
        running = server.start(name, port)
        client.run("many_connections", server.at(port), "--connections", CLIENTS, "--stay", STAY)
        if name == "echo_fork":
            running.wait_for_output("left 0")  # its parent has waited for all of its children
        server.processes()
        client.run("send_and_verify", server.at(port))
        running.stop()


@claim(
    "A second client is connected, but waits until the first has closed",
    Man("accept(2)"),
    Text("T13"),
    Text("T26"),
    Text("P2"),
)
def second_waits(run: Evidence) -> Checks:
    """The second client's request waits in the receive queue of a socket that no program holds. Its recv returns only
    after the first client's FIN has arrived."""
    fin = run.connection(SERIAL).closing.segments.first
    second = run.connection(SERIAL, nth=2)
    recv = run.host("client").call("recv")
    if fin.arrived < recv.began:
        yield unknown("the first client is there when the second asks", "it had closed before")
    yield at_least("the second client's call of recv takes", recv.took, (fin.arrived - recv.began) / NS, "s")
    yield equals("the second client's call of recv returns", recv.value, REQUEST)
    most = max(queue_before_accept(second), default=None)
    yield equals("most bytes in the second client's receive queue before accept", most, len(REQUEST), "bytes")


@claim(
    "With processes, threads or an event loop fifty are served at a time",
    Man("fork(2)"),
    Man("pthread_create(3)"),
    Book("Stevens, UNIX Network Programming vol. 1", "30"),
    Text("P7"),
)
def served_side_by_side(run: Evidence) -> Checks:
    """All fifty clients get their answer before the first of them closes. The program that connects them checks that
    each answer is the data that this client has sent."""
    programs = run.host("client").programs("many_connections")
    yield seen("programs that connect fifty times", programs)
    failed = programs.where(lambda program: program.status != 0)
    yield equals("of these programs, ended with an error", len(failed), 0, "programs")
    for name, port in SIDE_BY_SIDE.items():
        yield equals(
            "clients that {server} serves at the same time",
            run.served_side_by_side(port),
            CLIENTS,
            "clients",
            server=name,
        )


@claim("No zombie is left", Man("waitpid(2)"), Text("T11"), Text("T12"), Text("P6"))
def no_zombie(run: Evidence) -> Checks:
    """The forking server has a child for each client. At the end each server has only its own process left."""
    for n, table in enumerate(each("processes of each server", run.host("server").process_tables), 1):
        yield equals("processes of server {n}", len(table.processes), 1, "processes", n=n)
        yield equals("zombies of server {n}", table.zombies, 0, "processes", n=n)
    children = accepted(run.host("server").program("echo_fork"))
    yield at_least("clients of the forking server", children, CLIENTS, "clients")


@claim("The server outlives its clients", Book("Stevens, UNIX Network Programming vol. 1", "5"))
def outlives_clients(run: Evidence) -> Checks:
    """A client that connects after the others have left is served too, and each server runs until SIGTERM ends it."""
    clients = run.host("client").programs("send_and_verify")
    yield equals("exit status of each client", clients.map(lambda program: program.status), [0] * VERIFIED)
    servers = run.host("server").programs()
    yield equals("signals sent to each server", servers.map(lambda program: program.signals), [("SIGTERM",)] * SERVERS)
    yield equals("exit status of each server", servers.map(lambda program: program.status), [0] * SERVERS)


def queue_before_accept(connection: Connection) -> Records[int]:
    """Bytes in the receive queue of the server's socket in each sample that shows it ESTABLISHED without a program."""
    samples = connection.server.socket.samples.where(lambda sample: sample.state == "ESTABLISHED" and not sample.owned)
    return samples.map(lambda sample: sample.receive_queue)


def accepted(server: Program) -> int:
    """How many clients a server accepted, by its output. Raises NotRecorded where there is no line about any."""
    count = server.out.count("accepted")
    if count == 0:
        raise NotRecorded.of("no output of {name} about a client was recorded", name=server.name)
    return count
