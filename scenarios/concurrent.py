"""Many clients, one server: one after another, or side by side with a process each, a thread each, or one event loop.

    first client          server             second client
      |  <---- answer ----  |                      |
      |                     |  <-- connected ---   |  by the kernel, which keeps its request too:
      |                     |  <--- request ----   |  nobody has called accept for it yet
      |  ------- FIN ---->  |                      |
                            |  ----- answer --->   |  as late as the first client pleased

The other three servers answer fifty clients before the first of them leaves. A server with a process for each client
must wait for each that ends, or it stays as a zombie. Read next: accept(2); waitpid(2); select(2);
Stevens, UNIX Network Programming vol. 1, chapters 5, 6 and 30.
"""

import re

from lab.claims import Book, Man, Text, Verdict, all_of, at_least, claim, equals, unknown
from lab.evidence import NS, Evidence
from lab.lab import Lab
from lab.scenario import scenario

SERIAL, SIDE_BY_SIDE, CLIENTS = 7001, {"echo_fork": 7002, "echo_thread": 7003, "echo_select": 7004}, 50


@scenario("One server makes its second client wait, the others serve fifty side by side")
def concurrent(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    running = server.start("echo_serial", SERIAL)
    first = client.start("send_and_verify", server.at(SERIAL), "--hold")
    second = client.connect(server.at(SERIAL))
    second.send(b"me too")
    lab.pass_time(1.0, "the first client stays, the second waits")
    first.stop()
    second.recv()
    second.close()
    client.run("send_and_verify", server.at(SERIAL))
    running.stop()
    for name, port in SIDE_BY_SIDE.items():
        running = server.start(name, port)
        client.run("many_connections", server.at(port), "--connections", CLIENTS, "--stay", 20)
        if name == "echo_fork":
            running.wait_for_output("left 0")  # children, all reaped
        server.processes()
        client.run("send_and_verify", server.at(port))
        running.stop()


@claim(Man("accept(2)"), Book("Stevens, UNIX Network Programming vol. 1", "30"))
def the_second_client_waits_until_the_first_has_left(seen: Evidence) -> Verdict:
    """From its request's arrival to the answer takes at least as long as to the arrival of the first client's FIN."""
    first, second, *_ = (*(seen.connections(SERIAL) or ()), None, None)
    if first is None or second is None:
        return unknown("there were no two clients")
    fin, asked, answer = (
        first.first("client", "F"),
        second.first("client", data=True),
        second.first("server", data=True),
    )
    if fin is None or asked is None or answer is None or asked.arrived > fin.arrived:
        return unknown("no second client asked while the first was there, and was answered")
    return at_least((answer.sent_at - asked.arrived) / NS, (fin.arrived - asked.arrived) / NS, "s")


@claim(Man("listen(2)"), Text("T13"), Text("T21"))
def meanwhile_the_kernel_keeps_its_connection_and_its_bytes(seen: Evidence) -> Verdict:
    """The second connection is ESTABLISHED, belongs to no program (inode 0), and its request lies in its queue."""
    _, second, *_ = (*(seen.connections(SERIAL) or ()), None, None)
    ends = second and seen.sockets("server").histories("ESTABLISHED", SERIAL, second.client_port)
    if second is None or ends is None:
        return unknown("no second connection was seen")
    queued = [look.rqueue for look in ends[0].sockets if look.state == "ESTABLISHED" and look.inode == 0]
    return equals(max(queued, default=None), len(second.data("client")), "bytes")


def side_by_side(seen: Evidence, port: int) -> int | None:
    """How many clients had their answer before any of them left."""
    connections = seen.connections(port) or ()
    leaves = min((each.first_fin.sent_at for each in connections if each.first_fin), default=0)
    answers = [each.first("server", data=True) for each in connections]
    return sum(answer is not None and answer.arrived < leaves for answer in answers) if leaves else None


@claim(Man("fork(2)"), Man("pthread_create(3)"), Man("select(2)"), Text("T13"))
def with_processes_threads_or_an_event_loop_fifty_are_served_side_by_side(seen: Evidence) -> Verdict:
    """So many have their answer before the first of them leaves, and each found it to be what it had sent."""
    clients = seen.programs("client", "many_connections")
    verified = equals(clients and {each.status for each in clients}, {0}, "exit status")
    return all_of(*(equals(side_by_side(seen, port), CLIENTS, "clients") for port in SIDE_BY_SIDE.values()), verified)


@claim(Man("waitpid(2)"), Text("T11"), Text("T12"))
def no_zombie_is_left(seen: Evidence) -> Verdict:
    """The forking server had a child for each client and waited for it; no look at the processes found a zombie."""
    forking = seen.program("server", "echo_fork")
    reaped = sum(map(int, re.findall(r"reaped (\d+)", forking.out))) if forking else None
    return all_of(at_least(reaped, CLIENTS, "children"), equals(seen.zombies("server"), 0, "zombies"))


@claim(Book("Stevens, UNIX Network Programming vol. 1", "5"), Text("T12"))
def the_server_outlives_its_clients(seen: Evidence) -> Verdict:
    """A client that comes when the others have left is served too, and each server ends when it is told to."""
    servers, clients = seen.programs("server"), seen.programs("client", "send_and_verify")
    ends = servers and {each.name: (each.signals, each.status) for each in servers}
    told = equals(ends, dict.fromkeys(("echo_serial", *SIDE_BY_SIDE), (("SIGTERM",), 0)))
    return all_of(equals(clients and [each.status for each in clients], [0] * 5, "exit status"), told)
