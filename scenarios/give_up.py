"""Giving up: without an ACK, TCP gives up a connection after a quarter of an hour, and connect after two minutes.

    client                      server
      |  data  --------------- x  |  lost, and so is everything that follows
      |  data  --------------- x  |  again after one RTO, 200 ms or more; then after 2, 4, 8 … RTOs
      |            ...            |
      |  data  --------------- x  |  the tenth retransmission; from here on every two minutes (TCP_RTO_MAX)
      |            ...            |
      |  data  --------------- x  |  the fifteenth retransmission: tcp_retries2 is 15
      |  recv: ETIMEDOUT          |  924.6 s after the first retransmission, or at the next timer after that
      |                           |  still ESTABLISHED: it gets no RST

Until then the kernel keeps the data, and no call shows that anything is wrong: send fills the buffer, and recv waits.
A second socket calls connect meanwhile, and gets no answer either.
Read next: tcp(7) on tcp_retries2; RFC 9293 section 3.8.3; the scenarios user_timeout, syn_timeout and keepalive.
"""

from badwire.claims import (
    RFC,
    Checks,
    Kernel,
    Man,
    Text,
    at_least,
    at_most,
    between,
    claim,
    each,
    each_between,
    equals,
    never,
)
from badwire.evidence import NS, Evidence
from badwire.faults import Nth
from badwire.linux.timers import RETRIES2, RTO_MAX, SYN_RETRIES, TIMESTAMP_STEP, allowed
from badwire.scenario import scenario
from badwire.testbed import Lab

PEER = 7001
NEW = 7002  # connect to this port gets no answer
DATA = b"hello"
LIMIT = allowed(RETRIES2)  # 924.6 s: what fifteen retransmissions take with an RTO of 200 ms
TIMEOUT = 1200  # s of the virtual clock; longer than LIMIT

PINNED = {
    "net.ipv4.tcp_retries2": str(RETRIES2),  # the defaults
    "net.ipv4.tcp_syn_retries": str(SYN_RETRIES),
    "net.ipv4.tcp_early_retrans": "0",  # no tail loss probe, which would be one segment more
    "net.ipv4.tcp_thin_linear_timeouts": "0",  # the RTO doubles
}
MODEL = Kernel("net/ipv4/tcp_timer.c", "tcp_model_timeout")


@scenario(
    "TCP retransmits for a quarter of an hour before it gives up",
    sysctls=PINNED,
    virtual_only="a quarter of an hour of retransmissions",
)
def give_up(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    server.listen(PEER)
    connection = client.connect(server.at(PEER))
    other = client.socket()
    client.wait_until(state="ESTABLISHED", port=PEER)  # so that its RTO is recorded before anything is lost

    with lab.wire.fault(Nth(1, times=None, protocol="tcp"), toward=server):
        connection.send(DATA)
        receiving = connection.begin("recv", 100)
        connecting = other.begin("connect", [server.address, NEW])
        receiving.result(timeout=TIMEOUT)
        connecting.result(timeout=TIMEOUT)
    server.wait_until(state="ESTABLISHED", port=PEER)


@claim(
    "Each wait is twice the one before, but at most two minutes",
    RFC("6298", "5.5"),
    Kernel("include/net/tcp.h", "TCP_RTO_MAX"),
    Text("T31"),
)
def waits_double(run: Evidence) -> Checks:
    """The waits after the first sending and after each retransmission. A kernel timer never fires early, and at most
    one step of the timer wheel and a tick late."""
    unanswered = run.connection(PEER).unanswered
    for n, wait in enumerate(each("waits", unanswered.waits), 1):
        due = min(unanswered.rto * 2 ** (n - 1), RTO_MAX)
        yield between("wait {n}", wait, due, run.kernel.latest(due), "s", n=n)


@claim(
    "TCP gives up after 924.6 s, in which fifteen retransmissions fit",
    MODEL,
    Man("tcp(7)"),
    Text("T31", note="for a quarter of an hour by default (tcp_retries2); then the connection is given up"),
)
def gives_up(run: Evidence) -> Checks:
    """Linux limits the elapsed time, not the count: the limit is the time that the retransmissions would take with an
    RTO of 200 ms. Linux measures from the first retransmission on, in milliseconds, and checks the limit whenever a
    timer fires. So the end comes no earlier than the limit, less one millisecond step."""
    unanswered = run.connection(PEER).unanswered
    retransmissions = unanswered.retransmissions
    first = retransmissions.first.sent_at
    elapsed = (retransmissions.last.sent_at - first) / NS
    yield equals("retransmissions", len(retransmissions), RETRIES2, "times")
    yield at_most("time from the first to the last retransmission", elapsed, LIMIT, "s")
    given_up = unanswered.given_up_after(first)
    yield at_least(
        "time from the first retransmission until the kernel gives up", given_up, LIMIT - TIMESTAMP_STEP, "s"
    )
    yield equals("recv returns", unanswered.call.errno, "ETIMEDOUT")


@claim(
    "The data is kept to the end, and the peer gets no RST",
    Kernel("net/ipv4/tcp_timer.c", "tcp_write_err"),
    RFC("9293", "3.10.8"),
    Text("T31"),
)
def peer_gets_no_rst(run: Evidence) -> Checks:
    """The client goes from ESTABLISHED to no socket at all and sends no RST. The server is still ESTABLISHED then."""
    connection = run.connection(PEER)
    unanswered = connection.unanswered
    yield never("RST of the client", connection.client.segments("R"), run)
    kept = unanswered.socket.last("ESTABLISHED").send_queue
    yield equals("bytes in the send buffer at the end", kept, len(DATA), "bytes")
    server = connection.server.socket.last("ESTABLISHED")
    given_up = unanswered.call.ended
    yield at_least("the server is still ESTABLISHED after recv has returned, by", (server.t - given_up) / NS, 0, "s")


@claim(
    "connect gives up after two minutes",
    Kernel("include/net/tcp.h", "TCP_SYN_RETRIES"),
    Man("tcp(7)"),
)
def connect_gives_up(run: Evidence) -> Checks:
    """connect returns after 127 s, or after 131 s with kernels that send four SYNs a second apart before they double
    the wait. A kernel timer never fires early, and at most one step of the timer wheel and a tick late."""
    unanswered = run.connection(NEW).unanswered
    expected = run.kernel.windows(*run.kernel.syn_intervals())
    yield from each_between("wait {n} of connect", unanswered.waits, expected, "s", count="waits of connect")
    yield equals("connect returns", unanswered.call.errno, "ETIMEDOUT")
