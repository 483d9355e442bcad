"""Giving up: an established connection bears silence for a quarter of an hour, connect for two minutes.

    client                      server
      |  data  --------------- x  |  lost, as all that follow
      |  data  --------------- x  |  one RTO later, 200 ms and more; then after 2, 4, 8 … RTOs
      |  data  --------------- x  |  the tenth time, and from here on every two minutes (TCP_RTO_MAX)
      |  data  --------------- x  |  the fifteenth time, as tcp_retries2 has it
      |  ETIMEDOUT                |  924.6 s after the first repetition, or at the timer that follows
      |                           |  ESTABLISHED: nobody tells it

Until then the bytes are kept, and no call of the program's shows that anything is wrong: send fills the buffer, recv
waits. Read next: tcp(7) on tcp_retries2; RFC 9293 section 3.8.3; the scenarios user_timeout, syn_timeout and keepalive.
"""

from badwire.faults import Nth
from badwire.linux.timers import RETRIES2, SYN_RETRIES, TIMESTAMP_STEP, allowed, backoff
from badwire.old.claims import (
    RFC,
    Kernel,
    Man,
    Text,
    Verdict,
    all_of,
    at_least,
    at_most,
    claim,
    each_within,
    equals,
    never,
)
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PEER, NOBODY, DATA = 7001, 7002, b"hello"
# The defaults; no tail loss probe, which would be one sending more; and no linear timeouts for thin streams.
PINNED = {"retries2": RETRIES2, "syn_retries": SYN_RETRIES, "early_retrans": 0, "thin_linear_timeouts": 0}
MODEL = Kernel("net/ipv4/tcp_timer.c", "tcp_model_timeout")


@scenario(
    "Silence is borne for a quarter of an hour",
    sysctls={f"net.ipv4.tcp_{name}": f"{value}" for name, value in PINNED.items()},
    virtual_only="a quarter of an hour of retransmissions",
)
def give_up(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.listen(PEER)
    connection, other = client.connect(server.at(PEER)), client.socket()
    client.wait_until(state="ESTABLISHED", port=PEER)  # so that its timeout is on record
    with lab.wire.fault(Nth(1, times=None, protocol="tcp"), toward=server):
        connection.send(DATA)
        waiting = connection.begin("recv", 100), other.begin("connect", [server.address, NOBODY])
        for call in waiting:
            call.result(timeout=1200)
    server.wait_until(state="ESTABLISHED", port=PEER)


@claim(RFC("6298", "5.5"), Kernel("include/net/tcp.h", "TCP_RTO_MAX"), Text("T31"))
def each_wait_is_twice_the_one_before_and_two_minutes_at_the_most(seen: Evidence) -> Verdict:
    """The waits after the first sending and after each repetition; a kernel timer is at most one step late."""
    silence = seen.silence(PEER)
    return each_within(silence.waits, seen.kernel.windows(*backoff(silence.rto, len(silence.waits))), "s")


@claim(MODEL, Man("tcp(7)"), Text("T31", depends="on tcp_retries2 how long: by default for a quarter of an hour"))
def it_gives_up_after_924_6_seconds_in_which_fifteen_repetitions_fit(seen: Evidence) -> Verdict:
    """The kernel counts the time that they would take from an RTO of 200 ms, and looks when a timer fires. It begins to
    count with the first repetition, in milliseconds."""
    silence, limit = seen.silence(PEER), allowed(RETRIES2)
    first, *_, last = (frame.sent_at for frame in silence.again)
    repeats = at_most((last - first) / NS, limit, "s"), equals(len(silence.again), RETRIES2, "times")
    borne = at_least(silence.borne_since(first), limit - TIMESTAMP_STEP, "s")
    return all_of(*repeats, borne, equals(silence.call.errno, "ETIMEDOUT"))


@claim(Kernel("net/ipv4/tcp_timer.c", "tcp_write_err"), RFC("9293", "3.10.8"), Text("T31"))
def to_the_end_the_bytes_are_kept_and_nobody_tells_the_peer(seen: Evidence) -> Verdict:
    """The client goes from ESTABLISHED to nothing and sends no RST; the server is ESTABLISHED when it has gone."""
    silence = seen.silence(PEER)
    kept, there = silence.socket.last("ESTABLISHED"), seen.ends(silence.connection)["server"].last("ESTABLISHED")
    none = never(silence.connection.sent_by("client", "R"), "an RST from the client", seen)
    return all_of(equals(kept.wqueue, len(DATA), "bytes"), none, at_least(there.t / NS, silence.call.ended / NS, "s"))


@claim(Kernel("include/net/tcp.h", "TCP_SYN_RETRIES"), Man("tcp(7)"))
def connect_gives_up_after_two_minutes(seen: Evidence) -> Verdict:
    """127 s, and 131 s where four SYNs a second apart come first."""
    silence = seen.silence(NOBODY)
    due = seen.kernel.windows(*seen.kernel.syn_intervals())
    return all_of(each_within(silence.waits, due, "s"), equals(silence.call.errno, "ETIMEDOUT"))
