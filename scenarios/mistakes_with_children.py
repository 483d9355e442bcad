"""Three mistakes in a server with a process for each client, each beside a server that does it right.

    client                  parent  child
      |  FIN  ------------------------>  |   the child closes its copy, and ends
      |                         |            one that keeps the parent's copy: no FIN, CLOSE_WAIT
      |                         |  SIGCHLD   one that does not wait for its child: a zombie
      |                         |  EINTR     one that takes an interrupted accept for the end:
      |  SYN  --------------->               its next client finds nobody there
      |  <---------------  RST

The servers are in images/host/programs/, the faulty ones in its faulty/. Read next: fork(2); wait(2); accept(2);
Stevens, UNIX Network Programming vol. 1, sections 4.8, 5.9 and 5.10.
"""

from badwire.old.claims import Kernel, Man, Text, Verdict, all_of, at_least, at_most, claim, equals
from badwire.old.evidence import NS, Evidence, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab

RIGHT, OPEN, ZOMBIES, EINTR = 7001, 7002, 7003, 7004
PROGRAMS = {RIGHT: "echo_fork", OPEN: "echo_fork_open", ZOMBIES: "echo_fork_zombies", EINTR: "echo_fork_eintr"}
CLIENTS, QUIET = 3, 2.0  # s; what a server does about a child that has ended takes a thousandth
STAY, LEFT = "the first clients stay, and so do the servers", "all clients have left"


@scenario("Three mistakes in a server with a process for each client")
def mistakes_with_children(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    servers = {port: server.start(name, port) for port, name in PROGRAMS.items()}
    for number in range(CLIENTS):
        visitors = [client.connect(server.at(port)) for port in PROGRAMS]
        for visitor in visitors:
            visitor.send(b"hello")
            visitor.recv()
        if number == 0:
            lab.pass_time(QUIET, STAY)
        for visitor in visitors:
            visitor.close()
        if number == 0:
            servers[EINTR].wait()
    lab.pass_time(QUIET, LEFT)
    server.processes()
    for each in servers.values():
        each.interrupt()


def waits(seen: Evidence, port: int) -> list[float]:
    """Seconds from each client's FIN to the server's own, where there is one."""
    return [pair[0] for each in seen.connections(port) or () if (pair := intervals(each.sent_by(flags="F")))]


@claim(Man("close(2)"), Kernel("fs/file_table.c", "fput"), Text("P6"))
def one_whose_parent_keeps_the_accepted_socket_keeps_every_connection_open(seen: Evidence) -> Verdict:
    """Its children are gone, as the right one's are, but a FIN is sent only when the parent ends too."""
    soon, late = max(waits(seen, RIGHT), default=None), min(waits(seen, OPEN), default=None)
    tables = [table.of(seen.program("server", PROGRAMS[OPEN])) for table in seen.processes("server") or ()]
    alone = equals(len(tables[-1].processes) if tables else None, 1, "processes")
    kept = equals(seen.sockets("server").most("CLOSE_WAIT", OPEN) or None, CLIENTS, "in CLOSE_WAIT at once")
    return all_of(at_most(soon, QUIET, "s"), at_least(late, QUIET, "s"), alone, kept)


@claim(Man("wait(2)"), Text("T12"), Text("P6"))
def one_that_does_not_wait_for_its_children_has_a_zombie_for_each_client(seen: Evidence) -> Verdict:
    """They had time enough to go. One that waits for its children has none."""
    look = (seen.processes("server") or (None,))[-1]
    left = [look and look.of(seen.program("server", PROGRAMS[port])).zombies for port in (RIGHT, ZOMBIES)]
    return all_of(equals(left[0], 0, "zombies"), equals(left[1], CLIENTS, "zombies"))


@claim(Man("accept(2)"), Man("signal(7)"), Text("T11"))
def one_that_does_not_call_an_interrupted_accept_again_ends_when_its_first_child_does(seen: Evidence) -> Verdict:
    """It lived on while that client stayed, and would have for as long. The right one lives until it is interrupted."""
    right, faulty = (seen.program("server", PROGRAMS[port]) for port in (RIGHT, EINTR))
    fin, tries = seen.tried(EINTR).first("client", "F"), seen.calls("client", "connect", port=EINTR)
    lived = at_least(faulty and faulty.exited and fin and (faulty.exited - fin.sent_at) / NS, 0, "s")
    why = equals(faulty and (faulty.status, faulty.signals, faulty.out.splitlines()[-1:]), (1, (), ["accept: EINTR"]))
    refused = equals(tries and [each.errno for each in tries], [None] + ["ECONNREFUSED"] * (CLIENTS - 1))
    return all_of(lived, why, refused, equals(right and (right.status, right.signals), (0, ("SIGINT",))))
