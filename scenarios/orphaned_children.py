"""Orphaned children: when the parent of a forking server dies, its children go on serving. One may keep the listener.

    client                        parent     child
      |  "hello"  -----------------------------> |  echoes
      |                             x            |  kill -9
      |  "still there?"  ----------------------> |  echoes all the same

    a new client
      |  SYN  ------------------>   no listener, as the child has closed its copy
      |  <------------------  RST

      |  SYN  -------------------------------->  |  a child that kept its copy: the kernel completes the handshake
      |  <----------------------------  SYN-ACK  |  nobody calls accept, nobody ever answers
      |                                          |  and bind fails for a new server

A descriptor that fork copies is one more reference to the same socket, and a socket listens as long as one is left. At
a terminal, Ctrl-C sends SIGINT to the whole process group, so it ends the children too; kill ends one process.
Read next: fork(2); setpgid(2); Stevens, UNIX Network Programming vol. 1, section 4.8.
"""

from badwire.claims import Checks, Kernel, Man, Text, claim, equals, never, seen
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

RIGHT = 7001
KEEPS = 7002  # a server whose children keep the listening socket
PROGRAMS = {RIGHT: "echo_fork", KEEPS: "echo_fork_listener"}
OPTION = "--reuseaddr"

HELLO = b"hello"
STILL = b"still there?"
ECHOES = (f"recv {HELLO!r}", f"recv {STILL!r}")
CONNECTS = {RIGHT: "ECONNREFUSED", KEEPS: "success"}
BINDS = {RIGHT: f"bound {RIGHT}", KEEPS: "bind: EADDRINUSE"}
QUIET = 3.0  # s; an echo takes a millisecond
DEAD = "the parents are dead"
WAITS = "the late client waits for an answer"


@scenario("The children of a server outlive their parent")
def orphaned_children(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    parents = {port: server.start(name, port, OPTION) for port, name in PROGRAMS.items()}
    visitors = {port: client.connect(server.at(port)) for port in PROGRAMS}
    for visitor in visitors.values():
        visitor.send(HELLO)
        visitor.recv()
    for parent in parents.values():
        parent.kill(children=False)

    lab.note(DEAD)
    server.processes()
    for visitor in visitors.values():
        visitor.send(STILL)
        visitor.recv()
    late = {port: client.socket() for port in PROGRAMS}
    for port, socket in late.items():
        socket.connect(server.at(port))
    late[KEEPS].send(HELLO)
    lab.pass_time(QUIET, WAITS)
    for port in PROGRAMS:
        server.run("try_bind", port, OPTION)


@claim(
    "A child outlives its parent, and goes on serving its client",
    Man("fork(2)"),
    Man("_exit(2)"),
    Kernel("kernel/exit.c", "forget_original_parent"),
    Text(
        "T90",
        no="a child lives on and goes on serving; only Ctrl-C at a terminal ends it too, as it signals the whole group",
    ),
    Text("T89", depends="on who else has the connection: a client that a child serves does not notice"),
)
def child_serves_on(run: Evidence) -> Checks:
    """Both parents are killed by SIGKILL, which they cannot catch. One process of each server is left."""
    server = run.host("server")
    for port, name in PROGRAMS.items():
        parent = server.program(name)
        left = server.process_tables.first.of(parent)
        echoed = run.host("client").results("recv", port=port)
        yield equals("signal that ends the parent of {program}", parent.signal, "SIGKILL", program=name)
        yield equals("processes of {program} that are left", len(left.processes), 1, "processes", program=name)
        yield equals("recv on the client of {program} returns, before and after", echoed, ECHOES, program=name)


@claim(
    "A killed parent's listener closes, unless a child has kept a copy",
    Man("close(2)"),
    Man("listen(2)"),
    Kernel("fs/file_table.c", "fput"),
)
def listener_is_kept(run: Evidence) -> Checks:
    """A new client of the correct server is refused. The faulty one still listens when its parent is dead, so that the
    kernel completes the handshake. No process takes the connection, and 3 s after its data the client has no answer."""
    client = run.host("client")
    for port, result in CONNECTS.items():
        outcome = client.call("connect", port=port, nth=2).outcome
        yield equals("connect of a new client to {program} returns", outcome, result, program=PROGRAMS[port])
    late = run.connection(KEEPS, nth=2).server
    listening = run.phase(f"{QUIET:g} s pass: {WAITS}").host("server").samples_with("LISTEN", port=KEEPS)
    yield seen("samples with a listener of {program} afterwards", listening, program=PROGRAMS[KEEPS])
    yield equals("a process has its connection", late.socket.last("ESTABLISHED").owned, False)
    yield never("answers to it", late.segments(data=True), run)


@claim(
    "While a child keeps the listener, no new server can start",
    Man("socket(7)"),
    Kernel("net/ipv4/inet_connection_sock.c", "inet_csk_bind_conflict"),
)
def no_new_server(run: Evidence) -> Checks:
    """All servers set SO_REUSEADDR, which allows bind beside the connections of the correct server's child, but not
    beside a listener."""
    for port, outcome in BINDS.items():
        printed = run.host("server").program("try_bind", port, OPTION).output
        yield equals("try_bind on the port of {program} prints", printed, outcome, program=PROGRAMS[port])
