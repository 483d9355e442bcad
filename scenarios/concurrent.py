"""Many clients, one server: one after another, or side by side with a process each, a thread each, or one event loop.

    first client          server             second client
      |  <---- answer ----  |                      |
      |                     |  <-- connected ---   |  by the kernel, which keeps the request too:
      |                     |  <--- request ----   |  nobody calls accept for it yet
      |  ------- FIN ---->  |                      |
                            |  ----- answer --->   |  as late as the first client pleased

The other three servers answer fifty clients before one of them leaves. A child that has served a client stays a zombie
until its parent waits for it. Read next: Stevens, UNIX Network Programming vol. 1, chapters 5, 6 and 30.
"""

from badwire.old.claims import Book, Man, Text, Verdict, all_of, at_least, claim, equals, unknown
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

SERIAL, SIDE_BY_SIDE = 7001, {"echo_fork": 7002, "echo_thread": 7003, "echo_select": 7004}
CLIENTS, REQUEST = 50, b"me too"


@scenario("One server makes its second client wait, the others serve fifty side by side")
def concurrent(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    running = server.start("echo_serial", SERIAL)
    first = client.start("send_and_verify", server.at(SERIAL), "--hold")
    second = client.connect(server.at(SERIAL))
    second.send(REQUEST)
    answer = second.begin("recv", len(REQUEST))
    lab.pass_time(1.0, "the first client stays, the second waits")
    first.stop()
    answer.result()
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


@claim(Man("accept(2)"), Text("T13"), Text("T21"), Text("P2"))
def the_second_client_is_connected_but_waits_until_the_first_has_left(seen: Evidence) -> Verdict:
    """Its request lies in the queue of a socket without a program (inode 0); recv returns after the first one's FIN."""
    fin, second, recv = seen.tried(SERIAL).first_fin, seen.tried(SERIAL, number=1), seen.call("client", "recv")
    if fin is None or fin.arrived < recv.began:
        return unknown("the first client was not there when the second asked")
    ends = seen.sockets("server").histories("ESTABLISHED", SERIAL, second.client_port) or ()
    queues = [each.rqueue for end in ends for each in end.sockets if each.state == "ESTABLISHED" and each.inode == 0]
    waited = at_least(recv.took, (fin.arrived - recv.began) / NS, "s")
    return all_of(equals(max(queues, default=None), len(REQUEST)), waited, equals(recv.value, REQUEST))


@claim(Man("fork(2)"), Man("pthread_create(3)"), Book("Stevens, UNIX Network Programming vol. 1", "30"), Text("P7"))
def with_processes_threads_or_an_event_loop_fifty_are_served_side_by_side(seen: Evidence) -> Verdict:
    """So many have their answer before the first of them leaves, and each found it to be what it had sent."""
    clients = seen.programs("client", "many_connections")
    verified = equals(clients and {each.status for each in clients}, {0}, "exit status")
    return all_of(*(equals(seen.side_by_side(port), CLIENTS, "clients") for port in SIDE_BY_SIDE.values()), verified)


@claim(Man("waitpid(2)"), Text("T11"), Text("T12"), Text("P6"))
def no_zombie_is_left(seen: Evidence) -> Verdict:
    """The forking server had a child for each client; then each server's own process is the only one, dead or alive."""
    children = (seen.said("server", "echo_fork") or "").count("accepted") or None
    left = {len(table.processes) for table in seen.processes("server") or ()} or None
    return all_of(at_least(children, CLIENTS), equals(left, {1}, "processes"), equals(seen.zombies("server"), 0))


@claim(Book("Stevens, UNIX Network Programming vol. 1", "5"))
def the_server_outlives_its_clients(seen: Evidence) -> Verdict:
    """A client that comes when the others have left is served too, and each server ends when it is told to."""
    servers, clients = seen.programs("server"), seen.programs("client", "send_and_verify")
    ends = servers and [(each.signals, each.status) for each in servers]
    return all_of(equals(clients and [each.status for each in clients], [0] * 5), equals(ends, [(("SIGTERM",), 0)] * 4))
