"""SO_REUSEPORT: several servers listen at one port, and the kernel deals out their clients.

    one client      first server, port 7001      second server, port 7001      another client
      |  <------------->  |                             |  <------------------->  |
                          |  bind gives EADDRINUSE      |  unless both set SO_REUSEPORT

A hash of the addresses and ports says who gets a connection. That a server restarts beside what is left of its old
connections is a by-product: the old one must have set the option too, and SO_REUSEADDR does it as well.
Read next: socket(7); net/core/sock_reuseport.c; Stevens, UNIX Network Programming vol. 1, section 7.5.
"""

from badwire.old.claims import Kernel, Man, Text, Verdict, all_of, at_least, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

BOTH, ONE, SHARED, BESIDE = 7001, 7002, 7003, ("LISTEN", "TIME_WAIT")
CLIENTS = 32  # dealt out by a hash of their ports: one of two listeners gets none of them in 1 of 2**31 runs
CONFLICT, REFUSED = Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"), "bind: EADDRINUSE"
DEPENDS = "on the old server, which must have set it too, as with SO_REUSEADDR; what it is for is that several listen"


@scenario("Several servers share a port", sysctls={"net.ipv4.tcp_fin_timeout": "60"})
def reuseport(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port, option in (ONE, ()), (BOTH, ("--reuseport",)):
        upper = server.start("upper", port, *option)
        visitor = client.connect(server.at(port))
        visitor.send(b"anna")
        visitor.recv()
        server.run("try_bind", port, "--reuseport")
        upper.interrupt()
        server.wait_until(state="FIN_WAIT_2", port=port)
        visitor.close()
        server.wait_until(state="TIME_WAIT", port=port)
        server.run("try_bind", port, "--reuseport")
    for _ in range(2):
        listener = server.socket()
        listener.set_option("SOL_SOCKET", "SO_REUSEPORT", 1)
        listener.bind(SHARED)
        listener.listen()
    for _ in range(CLIENTS):
        client.connect(server.at(SHARED))
    server.wait_until(state="ESTABLISHED", port=SHARED, count=CLIENTS)


@claim(CONFLICT, Man("socket(7)"), Text("T68", depends=DEPENDS))
def a_new_server_that_alone_sets_it_is_refused(seen: Evidence) -> Verdict:
    """Beside the old one, and beside what is left of its connection."""
    said = [seen.said("server", "try_bind", ONE, "--reuseport", beside=(state, ONE)) for state in BESIDE]
    return all_of(*(equals(each, REFUSED) for each in said))


@claim(CONFLICT, Man("socket(7)"), Text("T68", depends=DEPENDS), Text("P8"))
def with_it_on_both_bind_succeeds_at_any_time(seen: Evidence) -> Verdict:
    """While the old one listens and serves, and when it is gone."""
    said = [seen.said("server", "try_bind", BOTH, "--reuseport", beside=(state, BOTH)) for state in BESIDE]
    answer = seen.calls("client", "recv") or ()
    answered = equals([each.value for each in answer] or None, [b"ANNA"] * 2)
    return all_of(answered, *(equals(each, f"bound {BOTH}") for each in said))


@claim(Kernel("net/core/sock_reuseport.c", "reuseport_select_sock"), Man("socket(7)"))
def two_that_listen_both_get_clients_and_each_client_gets_one_of_them(seen: Evidence) -> Verdict:
    """Nobody calls accept: the table shows how many wait in the queue of each."""
    listeners = seen.sockets("server").histories("LISTEN", SHARED) or ()
    queues = [max(look.rqueue for look in each.sockets) for each in listeners]
    least = at_least(min(queues) if queues[1:] else None, 1, "clients")
    return all_of(least, equals(sum(queues) or None, CLIENTS, "clients"))
