"""Three mistakes that leave a client without service, each beside a server that does it right.

    client                                    server
      |  hello, when all others are gone -->  |
      |  <-----------------------  FIN or RST |  one whose table of two slots is full for ever
      |  SYN, and nothing more  ----------->  |
      |  another client: "Ada"  ----------->  |  one that reads a name and forks only then: no answer
      |  <------------------------------ FIN  |  stopped, its connection left in TIME_WAIT
      |  SYN  ----------------------------->  |  nobody: one that sets SO_REUSEADDR after bind cannot start

The servers are in images/host/programs/, the faulty ones in its faulty/. Read next: accept(2); socket(7); Stevens,
UNIX Network Programming vol. 1, sections 6.8, 7.5 and 30.5.
"""

from badwire.old.claims import Kernel, Man, Text, Verdict, all_of, at_least, at_most, claim, equals, happened
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

THREADS, SLOTS, GREET, LATE, REUSE = 7001, 7002, 7003, 7004, 7005
PROGRAMS = {THREADS: "echo_thread", SLOTS: "echo_thread_slots", GREET: "greet_fork", LATE: "greet_fork_late"}
ROOM, HELLO, ON = 2, b"hello", "--reuseaddr"
QUIET = 3.0  # s; the time to an answer is a thousandth


@scenario("Three mistakes that leave a client without service")
def mistakes_in_serving(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port, name in PROGRAMS.items():
        server.start(name, port, *(("--slots", ROOM) if port == SLOTS else ()))
    for port in (THREADS, SLOTS) * (ROOM + 1):
        visitor = client.connect(server.at(port))
        for call in ("send", HELLO), ("recv", len(HELLO)), ("close",):
            visitor.call(*call)
    silent, others = ([client.connect(server.at(port)) for port in (GREET, LATE)] for _ in range(2))
    for each in others:
        each.send(b"Ada\n")
    lab.pass_time(QUIET, "the first clients are silent, the second ones have asked")
    for first, second in zip(silent, others, strict=True):
        first.send(b"Bob\n")
        second.recv()
    before = server.start("echo_serial", REUSE, ON)
    visitor = client.connect(server.at(REUSE))
    server.wait_until(state="ESTABLISHED", port=REUSE, where=lambda entry: entry["inode"])  # else an RST, and no FIN
    before.interrupt()
    client.wait_until(state="CLOSE_WAIT", port=REUSE)
    visitor.close()
    server.wait_until(state="TIME_WAIT", port=REUSE)
    server.run("echo_reuseaddr_late", REUSE, ON)
    server.start("echo_serial", REUSE, ON)
    server.wait_until(state="LISTEN", port=REUSE)


@claim(Man("accept(2)"), Text("P7"))
def one_that_never_frees_a_slot_serves_so_many_clients_and_no_more(seen: Evidence) -> Verdict:
    """Never two at a time. The next one is connected too, by the kernel, and sees the end in place of an answer."""
    answers = [[each.data("server") for each in seen.connections(port) or ()] for port in (THREADS, SLOTS)]
    alone = at_most(seen.side_by_side(SLOTS), 1, "clients at a time")
    last = seen.tried(SLOTS, number=ROOM)
    end = happened(last.sent_by("server", "F") or last.sent_by("server", "R"), "FIN, or RST if it had asked already")
    return all_of(alone, equals(answers, [[HELLO] * (ROOM + 1), [HELLO] * ROOM + [b""]]), end)


@claim(Man("recv(2)"), Man("fork(2)"), Text("P9"))
def one_that_reads_before_it_forks_keeps_all_waiting_for_the_first_client(seen: Evidence) -> Verdict:
    """Its parent waits for the first one's name. The right one's children wait, each for its own client."""
    waits = []
    for connection in (seen.tried(port, number=1) for port in (GREET, LATE)):
        asked, answer = connection.first("client", data=True), connection.first("server", data=True)
        waits.append((answer.sent_at - asked.sent_at) / NS if asked and answer else None)
    return all_of(at_most(waits[0], QUIET, "s"), at_least(waits[1], QUIET, "s"))


@claim(Man("socket(7)"), Kernel("net/ipv4/inet_connection_sock.c", "inet_bind_conflict"), Text("T67"))
def one_that_sets_reuseaddr_after_bind_cannot_start_again(seen: Evidence) -> Verdict:
    """It is bind that looks for a conflict. The right one starts beside the same connection in TIME_WAIT."""
    late = seen.said("server", "echo_reuseaddr_late", REUSE, ON, beside=("TIME_WAIT", REUSE))
    pairs = seen.sockets("server").together("LISTEN", "TIME_WAIT", port=REUSE)
    return all_of(equals(late, "bind: EADDRINUSE"), happened(pairs, "LISTEN beside TIME_WAIT"))
