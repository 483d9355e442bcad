"""Four mistakes in a server with a process for each client, each compared with a correct server.

    client                  parent  child
      |  FIN  ------------------------>  |   the child closes its copy of the socket, and ends
      |                         |            a parent that keeps its own copy: no FIN, CLOSE_WAIT
      |                         |  SIGCHLD   a parent that does not wait for its child: a zombie,
      |                         |            unless it has set SIGCHLD to SIG_IGN
      |                         |            a parent that waits for one child at each signal, while three end
      |                         |  EINTR     a parent that exits when accept is interrupted:
      |  SYN  --------------->               the next client is refused, unless SA_RESTART is set
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
IGNORES = 7005
RESTARTS = 7006
ONCE = 7007
PROGRAMS = {
    RIGHT: "echo_fork",
    OPEN: "echo_fork_open",
    ZOMBIES: "echo_fork_zombies",
    EINTR: "echo_fork_eintr",
    IGNORES: "echo_fork_zombies",
    RESTARTS: "echo_fork_eintr",
}
OPTIONS: dict[int, tuple[str, ...]] = {IGNORES: ("--ignore",), RESTARTS: ("--restart",)}

CLIENTS = 3
WORK = 3  # s for which echo_fork_once handles a signal
QUIET = 2.0  # s; a server deals with a child that has ended within a millisecond

IF_WAITED_FOR = Text("T12", depends="on SIGCHLD: if the parent has set it to SIG_IGN, there are no zombies")
ON_SA_RESTART = "on SA_RESTART: if it is set for the handler, the kernel calls accept again by itself"


@scenario("Four mistakes in a server with a process for each client")
def mistakes_with_children(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    servers = {port: server.start(name, port, *OPTIONS.get(port, ())) for port, name in PROGRAMS.items()}
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
    once = server.start("echo_fork_once", ONCE, "--clients", CLIENTS, "--work", WORK)
    visitors = [client.connect(server.at(ONCE)) for _ in range(CLIENTS)]
    for visitor in visitors:
        visitor.send(b"hello")
        visitor.recv()
    visitors[0].close()
    once.wait_for_output("reaped")
    for visitor in visitors[1:]:
        visitor.close()
    lab.pass_time(WORK + QUIET, "all clients have left")
    server.processes()
    once.stop()
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


@claim("A server that does not wait for its children has a zombie for each", Man("wait(2)"), IF_WAITED_FOR, Text("P6"))
def zombies(run: Evidence) -> Checks:
    """The process table is read 2 s after the last client has left. A server that waits for its children has no
    zombie."""
    server = run.host("server")
    processes = server.process_tables.last
    right = processes.of(server.program(PROGRAMS[RIGHT]))
    faulty = processes.of(server.program(PROGRAMS[ZOMBIES], ZOMBIES))
    yield equals("zombies of echo_fork", right.zombies, 0, "processes")
    yield equals("zombies of echo_fork_zombies", faulty.zombies, CLIENTS, "processes")


@claim(
    "A server that ignores SIGCHLD has no zombies",
    Man("sigaction(2)"),
    Kernel("kernel/signal.c", "do_notify_parent"),
    IF_WAITED_FOR,
)
def ignored_sigchld(run: Evidence) -> Checks:
    """SIGCHLD is set to SIG_IGN. Its default action is to do nothing as well, but with that, children become
    zombies."""
    server = run.host("server")
    ignoring = server.program(PROGRAMS[IGNORES], IGNORES, *OPTIONS[IGNORES])
    yield equals(
        "zombies of echo_fork_zombies --ignore", server.process_tables.last.of(ignoring).zombies, 0, "processes"
    )
    answers = run.connections(IGNORES).map(lambda connection: connection.server.data)
    yield equals("answers of echo_fork_zombies --ignore", answers, (b"hello",) * CLIENTS)


@claim(
    "One SIGCHLD may stand for several children",
    Man("signal(7)"),
    Man("wait(2)"),
    Kernel("kernel/signal.c", "legacy_queue"),
    Text("T18"),
)
def one_for_several(run: Evidence) -> Checks:
    """The second and the third child end while the server handles the signal of the first. It gets one more signal, and
    waits for one more child."""
    server = run.host("server")
    once = server.program("echo_fork_once")
    yield equals("signals that echo_fork_once takes", once.out.count("reaped"), CLIENTS - 1)
    yield equals("zombies of echo_fork_once", server.process_tables.last.of(once).zombies, 1, "processes")


@claim(
    "A server that exits if accept returns EINTR ends with its first child",
    Man("accept(2)"),
    Man("signal(7)"),
    Text("T11", depends=ON_SA_RESTART),
)
def interrupted_accept(run: Evidence) -> Checks:
    """SIGCHLD interrupts accept when the first child ends, because its client has closed. Later clients are refused.
    The correct server calls accept again, and runs until it is interrupted by SIGINT."""
    connects = run.host("client").calls("connect", port=EINTR).map(lambda call: call.outcome)
    yield equals(
        "the calls of connect to echo_fork_eintr return", connects, ("success", "ECONNREFUSED", "ECONNREFUSED")
    )
    faulty = run.host("server").program(PROGRAMS[EINTR], EINTR)
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


@claim(
    "With SA_RESTART accept is not interrupted",
    Man("signal(7)"),
    Man("sigaction(2)"),
    Text("T11", depends=ON_SA_RESTART),
)
def restarted_accept(run: Evidence) -> Checks:
    """The same program, but the handler is installed with SA_RESTART. It runs until SIGINT ends it."""
    connects = run.host("client").calls("connect", port=RESTARTS).map(lambda call: call.outcome)
    yield equals("the calls of connect to echo_fork_eintr --restart return", connects, ("success",) * CLIENTS)
    program = run.host("server").program(PROGRAMS[RESTARTS], RESTARTS, *OPTIONS[RESTARTS])
    yield equals("echo_fork_eintr --restart ends with", program.signal, "SIGINT")


def waits_for_fin(run: Evidence, port: int) -> Records[float]:
    """Seconds from the FIN of each client to the server's, where both were recorded."""
    waits: list[float] = []
    for connection in run.connections(port):
        fins = connection.stream.sent(flags="F")
        waits += intervals(fins)[:1]
    return Records(waits, "waits", "no FIN of both sides of a connection to port {port} was recorded", port=port)
