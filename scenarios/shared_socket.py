"""Parent and child hold one connection: close counts down, and only the last one closes; shutdown does not count.

    client                                      server
      |                                          |  child: close          nothing is sent
      |  <-------------------------------  data  |  parent: send          it is still open
      |  <--------------------------------  FIN  |  parent: close         the last one
      |  <--------------------------------  FIN  |  child: shutdown       at once, whoever else holds it
      |                                          |  parent: send          EPIPE
      |                                          |  child: ends           nothing is sent
      |  <--------------------------------  FIN  |  parent: ends          it had forgotten to close

What counts is how many descriptors name the socket, whether fork or dup made them. Here the processes of share.py do
what its client says. Read next: close(2); shutdown(2); Stevens, UNIX Network Programming vol. 1, section 4.8.
"""

from lab.claims import Kernel, Man, Text, Verdict, all_of, at_least, claim, equals
from lab.evidence import NS, Evidence
from lab.lab import Lab
from lab.scenario import scenario

CLOSE, SHUTDOWN, RIGHT, FORGET = 7001, 7002, 7003, 7004
QUIET, WHILE = 5, "the parent that forgot its copy keeps the connection open"  # s; a request takes a thousandth
COUNTED = Kernel("fs/file_table.c", "fput")  # the last one calls sock_close, and that tcp_close


@scenario("Close counts who holds a connection, shutdown does not")
def shared_socket(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    servers = {port: server.start("share", port) for port in (CLOSE, SHUTDOWN, FORGET)}
    servers[RIGHT] = server.start("echo_fork", RIGHT, "--close-after", 1)
    visitors = {port: client.connect(server.at(port)) for port in servers}
    for port, orders in (CLOSE, ("close", "send")), (SHUTDOWN, ("shutdown",)), (RIGHT, ("hello",)):
        for order in orders:
            visitors[port].send(f"{order}\n".encode())
        visitors[port].recv()
    for port, order in (CLOSE, "close"), (SHUTDOWN, "send"), (SHUTDOWN, "exit"), (SHUTDOWN, "send"):
        visitors[port].send(f"{order}\n".encode())
    servers[SHUTDOWN].wait_for_output("parent send")
    client.wait_until(state="CLOSE_WAIT", count=3)
    visitors[FORGET].send(b"exit\n")
    servers[FORGET].wait_for_output("parent alone")
    lab.pass_time(QUIET, WHILE)
    servers[FORGET].kill()
    client.wait_until(state="CLOSE_WAIT", port=FORGET)


@claim(Man("close(2)"), COUNTED, Text("T53"))
def close_in_one_of_two_sends_nothing_and_the_last_close_sends_fin(seen: Evidence) -> Verdict:
    """The FIN comes after the answer of the parent, and acknowledges the order to close that the parent got."""
    connection, said = seen.tried(CLOSE), seen.said("server", "share", CLOSE)
    fin, calls = connection.first("server", "F"), ("child close", "parent alone", "parent send", "parent close")
    made = equals(said and (*said.splitlines()[2:],), calls)
    return all_of(made, equals(fin and connection.ladder(fin), (f"FA {1 + len('parent.')} ack 18",)))


@claim(Man("shutdown(2)"), Kernel("net/ipv4/tcp.c", "tcp_shutdown"), Text("T53"))
def shutdown_in_one_sends_fin_at_once_and_ends_sending_for_both(seen: Evidence) -> Verdict:
    """The FIN acknowledges the order to the child and none after it. Those that do come after it are still read."""
    connection, said = seen.tried(SHUTDOWN), seen.said("server", "share", SHUTDOWN)
    fin, calls = connection.first("server", "F"), ("child send: EPIPE", "parent alone", "parent send: EPIPE")
    made = equals(said and (*said.splitlines()[2:],), ("child shutdown", *calls))
    return all_of(made, equals(fin and connection.ladder(fin), ("FA 1 ack 10",)))


@claim(Man("close(2)"), COUNTED, Text("T53"))
def a_parent_that_forgets_to_close_keeps_it_open_until_it_ends_itself(seen: Evidence) -> Verdict:
    """Its child is gone, and waited for. For a process that ends, even killed, the kernel closes what it held."""
    connection, said = seen.opened(FORGET).connection, seen.said("server", "share", FORGET)
    fin, began = connection.first("server", "F"), seen.at(f"{QUIET} s pass: {WHILE}")
    owned = equals(seen.ends(connection)["server"].last("ESTABLISHED").inode != 0, True)
    gone = equals(said and (*said.splitlines()[2:],), ("parent alone",))
    return all_of(gone, owned, at_least(fin and (fin.sent_at - began) / NS, QUIET, "s"))


@claim(Man("fork(2)"), COUNTED, Text("T53"), Text("P6"))
def one_that_closes_its_copy_leaves_the_end_to_its_child(seen: Evidence) -> Verdict:
    """The parent's close was only one of two: the child's comes after its answer, and sends the FIN."""
    connection, fin = seen.tried(RIGHT), seen.tried(RIGHT).first("server", "F")
    return equals(fin and (connection.data("server"), *connection.ladder(fin)), (b"hello\n", "FA 7 ack 7"))
