"""Three mistakes in a server with a process for each client, each compared with a correct server.

    client                  parent  child
      |  FIN  ------------------------>  |   the child closes its copy of the socket, and ends
      |                         |            a parent that keeps its own copy: no FIN, CLOSE_WAIT
      |                         |  SIGCHLD   a parent that does not wait for its child: a zombie
      |                         |  EINTR     a parent that exits when accept is interrupted:
      |  SYN  --------------->               the next client is refused
      |  <---------------  RST

The servers are in images/host/programs/, the faulty ones in its faulty/. Read next: fork(2); wait(2); accept(2);
Stevens, UNIX Network Programming vol. 1, sections 4.8, 5.9 and 5.10.
"""

from badwire.claims import Checks, Kernel, Man, Text, at_least, at_most, claim, equals
from badwire.evidence import NS, Evidence, Records, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab

RIGHT = 7001
OPEN = 7002
ZOMBIES = 7003
EINTR = 7004
PROGRAMS = {
    RIGHT: "echo_fork",
    OPEN: "echo_fork_open",
    ZOMBIES: "echo_fork_zombies",
    EINTR: "echo_fork_eintr",
}

CLIENTS = 3
QUIET = 2.0  # s; a server deals with a child that has ended within a millisecond


@scenario("Three mistakes in a server with a process for each client")
def mistakes_with_children(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    servers = {port: server.start(name, port) for port, name in PROGRAMS.items()}
    for number in range(CLIENTS):
        visitors = [client.connect(server.at(port)) for port in PROGRAMS]
        for visitor in visitors:
            visitor.send(b"hello")
            visitor.recv()
        if number == 0:
            lab.pass_time(QUIET, "the first clients stay, and so do the servers")
        for visitor in visitors:
            visitor.close()
        if number == 0:
            servers[EINTR].wait()
    lab.pass_time(QUIET, "all clients have left")
    server.processes()
    for program in servers.values():
        program.interrupt()


@claim(
    "A parent that keeps the accepted socket keeps every connection open",
    Man("close(2)"),
    Kernel("fs/file_table.c", "fput"),
    Text("P6"),
)
def parent_keeps_socket(run: Evidence) -> Checks:
    """All children have ended, as those of the correct server, but the FIN is sent only when the parent ends too, more
    than 2 s later."""
    server = run.host("server")
    waiting = server.samples_with("CLOSE_WAIT", port=OPEN).map(lambda sample: len(sample.in_state("CLOSE_WAIT", OPEN)))
    yield equals("most sockets of echo_fork_open in CLOSE_WAIT", waiting.largest, CLIENTS, "sockets")
    yield at_most(
        "longest time from a client's FIN to the FIN of echo_fork", waits_for_fin(run, RIGHT).largest, QUIET, "s"
    )
    yield at_least(
        "shortest time from a client's FIN to the FIN of echo_fork_open", waits_for_fin(run, OPEN).smallest, QUIET, "s"
    )
    left = server.process_tables.last.of(server.program(PROGRAMS[OPEN]))
    yield equals("processes of echo_fork_open at the end", len(left.processes), 1, "processes")


@claim("A server that does not wait for its children has a zombie for each", Man("wait(2)"), Text("T12"), Text("P6"))
def zombies(run: Evidence) -> Checks:
    """The process table is read 2 s after the last client has left. A server that waits for its children has no
    zombie."""
    server = run.host("server")
    processes = server.process_tables.last
    right = processes.of(server.program(PROGRAMS[RIGHT]))
    faulty = processes.of(server.program(PROGRAMS[ZOMBIES]))
    yield equals("zombies of echo_fork", right.zombies, 0, "processes")
    yield equals("zombies of echo_fork_zombies", faulty.zombies, CLIENTS, "processes")


@claim(
    "A server that exits if accept returns EINTR ends with its first child",
    Man("accept(2)"),
    Man("signal(7)"),
    Text("T11"),
)
def interrupted_accept(run: Evidence) -> Checks:
    """SIGCHLD interrupts accept when the first child ends, because its client has closed. Later clients are refused.
    The correct server calls accept again, and runs until it is interrupted by SIGINT."""
    connects = run.host("client").calls("connect", port=EINTR).map(lambda call: call.outcome)
    yield equals(
        "the calls of connect to echo_fork_eintr return", connects, ("success", "ECONNREFUSED", "ECONNREFUSED")
    )
    faulty = run.host("server").program(PROGRAMS[EINTR])
    yield equals("exit status of echo_fork_eintr", faulty.status, 1)
    yield equals("signals sent to echo_fork_eintr", faulty.signals, ())
    yield equals("last line of echo_fork_eintr", faulty.lines[-1:], ("accept: EINTR",))
    right = run.host("server").program(PROGRAMS[RIGHT])
    yield equals("exit status of echo_fork", right.status, 0)
    yield equals("signals sent to echo_fork", right.signals, ("SIGINT",))
    fin = run.connection(EINTR).client.segments("F").first
    yield at_least(
        "time from the first client's FIN until echo_fork_eintr ends", (faulty.exited_at - fin.sent_at) / NS, 0, "s"
    )


def waits_for_fin(run: Evidence, port: int) -> Records[float]:
    """Seconds from the FIN of each client to the server's, where both were recorded."""
    waits: list[float] = []
    for connection in run.connections(port):
        fins = connection.stream.sent(flags="F")
        waits += intervals(fins)[:1]
    return Records(waits, "waits", "no FIN of both sides of a connection to port {port} was recorded", port=port)
