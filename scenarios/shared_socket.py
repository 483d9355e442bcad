"""Parent and child hold one connection: close counts down, and only the last one closes; shutdown does not count.

    client                                      server
      |  <-------------------------------  data  |  child: send
      |                                          |  parent: close         nothing is sent
      |  <--------------------------------  FIN  |  child: close          the last one

      |                                          |  child: close          the parent forgot its copy
      |  <-------------------------------  data  |  parent: send          it is still open
      |  <--------------------------------  FIN  |  parent: ends

      |  <--------------------------------  FIN  |  child: shutdown       at once, whoever else holds it
      |                                          |  parent: send          EPIPE

What counts is how many descriptors name the socket, whether fork or dup made them. Here the processes of share.py do
what its client says. Read next: close(2); shutdown(2); Stevens, UNIX Network Programming vol. 1, section 4.8.
"""

from badwire.old.claims import Kernel, Man, Text, Verdict, all_of, at_least, claim, equals
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

RIGHT, FORGET, SHUTDOWN = 7001, 7002, 7003
QUIET, WHILE = 5, "the parent that forgot its copy keeps the connection open"  # s; an order takes a thousandth
COUNTED = Kernel("fs/file_table.c", "fput")  # the last one calls sock_close, and that tcp_close


@scenario("Close counts who holds a connection, shutdown does not")
def shared_socket(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("echo_fork", RIGHT, "--close-after", 1)
    shared = {port: server.start("share", port) for port in (FORGET, SHUTDOWN)}
    right, forget, shutdown = (client.connect(server.at(port)) for port in (RIGHT, FORGET, SHUTDOWN))
    right.send(b"hello\n")
    client.wait_until(state="CLOSE_WAIT", port=RIGHT)

    shutdown.send(b"shutdown\n")
    client.wait_until(state="CLOSE_WAIT", port=SHUTDOWN)
    for order in b"send\n", b"exit\n", b"send\n":
        shutdown.send(order)
    shared[SHUTDOWN].wait_for_output("parent send")

    forget.send(b"close\n")
    shared[FORGET].wait_for_output("parent alone")
    lab.pass_time(QUIET, WHILE)
    forget.send(b"send\n")
    forget.recv()
    shared[FORGET].kill()
    client.wait_until(state="CLOSE_WAIT", port=FORGET)


@claim(Man("close(2)"), Man("fork(2)"), COUNTED, Text("T53"), Text("P6"))
def the_last_close_sends_fin(seen: Evidence) -> Verdict:
    """A server that forks for each client: its parent closes its copy at once, and the child after its answer."""
    connection = seen.tried(RIGHT)
    fin, answer = connection.first("server", "F"), connection.data("server")
    return equals(fin and (answer, *connection.ladder(fin)), (b"hello\n", "FA 7 ack 7"))


@claim(Man("close(2)"), COUNTED, Text("T53"))
def a_parent_that_forgets_its_copy_keeps_the_connection_open_after_its_child_is_gone(seen: Evidence) -> Verdict:
    """The child's close sends nothing: the parent's answer comes before the FIN, which the kernel sends as it ends."""
    connection, said = seen.opened(FORGET).connection, seen.said("server", "share", FORGET)
    fin, began = connection.first("server", "F"), seen.at(f"{QUIET} s pass: {WHILE}")
    owned = seen.ends(connection)["server"].last("ESTABLISHED").inode != 0
    calls = equals(said and (*said.splitlines()[2:], owned), ("child close", "parent alone", "parent send", True))
    sent = equals(fin and connection.ladder(fin), ("FA 8 ack 12",))
    return all_of(calls, sent, at_least(fin and (fin.sent_at - began) / NS, QUIET, "s"))


@claim(Man("shutdown(2)"), Kernel("net/ipv4/tcp.c", "tcp_shutdown"), Text("T53"))
def shutdown_in_one_sends_fin_at_once_and_ends_sending_for_both(seen: Evidence) -> Verdict:
    """The FIN acknowledges the order to the child and none after it. Those that do come after it are still read."""
    connection, said = seen.tried(SHUTDOWN), seen.said("server", "share", SHUTDOWN)
    fin, calls = connection.first("server", "F"), ("child send: EPIPE", "parent alone", "parent send: EPIPE")
    made = equals(said and (*said.splitlines()[2:],), ("child shutdown", *calls))
    return all_of(made, equals(fin and connection.ladder(fin), ("FA 1 ack 10",)))
