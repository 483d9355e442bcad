"""The backlog: how many connections may wait for accept, and what becomes of the next one.

    client                      server: listen with a backlog of 3, and nobody accepts
      |  SYN  ------------------>  |
      |  <-------------  SYN, ACK  |
      |  ACK  ------------------>  |  four times: ESTABLISHED, and no program's; `ss -lt` has Recv-Q 4, Send-Q 3
      |  SYN  ------------------>  |  the fifth: no answer
      |  SYN  ------------------>  |  again, a second later; meanwhile the program has accepted
      |  <-------------  SYN, ACK  |

The queue is full when it is longer than the backlog: hence one more. The system cuts backlogs to net.core.somaxconn, so
asking for 128 gives 5 here. What accept has taken no longer counts. Read next: listen(2); Stevens, UNIX Network
Programming vol. 1, section 4.5; the scenario backlog_overflow.
"""

from badwire.linux.timers import RTO_INITIAL, octaves
from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_least, claim, each_within, equals
from badwire.old.evidence import Evidence, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab

FEW, MANY, SERVED = 7001, 7002, 8  # ports; clients
BACKLOG, ASKED, MOST = 3, 128, 5
PINNED = {"net.core.somaxconn": f"{MOST}", "net.ipv4.tcp_abort_on_overflow": "1"}  # which resets no SYN
DROPS = Kernel("net/ipv4/tcp_input.c", "tcp_conn_request")
FULL = Kernel("include/net/sock.h", "sk_acceptq_is_full")


@scenario("The backlog is a queue, and it holds one more", sysctls=PINNED)
def backlog(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, _ = server.listen(FEW, BACKLOG), server.listen(MANY, ASKED)
    for port, most in (FEW, BACKLOG), (MANY, MOST):
        for _ in range(most + 1):
            client.connect(server.at(port))
    next_one = client.socket().begin("connect", [server.address, FEW])
    client.wait_until(state="SYN_SENT")
    server.wait_until(state="LISTEN", port=FEW, where=lambda entry: entry["rqueue"] > BACKLOG)
    for _ in range(BACKLOG + 1):
        listener.accept()
    next_one.result()
    listener.accept()
    for _ in range(SERVED - BACKLOG - 2):
        client.connect(server.at(FEW))
        listener.accept()


@claim(FULL, Man("listen(2)"), Text("T13"))
def as_many_as_the_backlog_and_one_more_complete_without_accept(seen: Evidence) -> Verdict:
    """By the listener's own count, beside what it allows; and as many have no program."""
    sockets = seen.sockets("server")
    queue = equals(sockets.accept_queue(FEW), (BACKLOG + 1, BACKLOG), "connections")
    return all_of(queue, equals(sockets.most("ESTABLISHED", FEW, owned=False), BACKLOG + 1, "connections"))


@claim(FULL, Kernel("net/socket.c", "__sys_listen"), Man("listen(2)"), Text("T13", depends="on net.core.somaxconn too"))
def a_backlog_above_somaxconn_is_cut_to_it(seen: Evidence) -> Verdict:
    sockets = seen.sockets("server")
    queue = equals(sockets.accept_queue(MANY), (MOST + 1, MOST), "connections")
    return all_of(queue, equals(sockets.most("ESTABLISHED", MANY, owned=False), MOST + 1, "connections"))


@claim(DROPS, RFC("6298", "2.1"))
def the_next_syn_gets_no_answer_and_finds_room_when_it_comes_again(seen: Evidence) -> Verdict:
    """So its client sees no error, only that connect takes a second."""
    late = seen.tried(FEW, number=BACKLOG + 1)
    made = equals(late.ladder(), ("S 0", "S 0", "SA 0 ack 1", "A 1 ack 1"))
    return all_of(made, each_within(intervals(late.sent_by("client", "S")), octaves(RTO_INITIAL), "s"))


@claim(DROPS, Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_LISTENOVERFLOWS"))
def the_kernel_counts_it(seen: Evidence) -> Verdict:
    """As `nstat` shows: the queue was full, and a SYN was dropped for whatever reason."""
    return all_of(*(equals(seen.counter("server", f"TcpExt.Listen{name}"), 1) for name in ("Overflows", "Drops")))


@claim(Man("accept(2)"), Text("T13"))
def far_more_clients_than_that_are_served_at_once(seen: Evidence) -> Verdict:
    """Those that accept has given to the program."""
    return at_least(seen.sockets("server").most("ESTABLISHED", FEW, owned=True), SERVED, "clients")
