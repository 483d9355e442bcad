"""Nagle's algorithm: at most one small segment is on its way; what is written meanwhile goes together in the next.

    client                                       server, 100 ms away
      |  bytes 1 to 10  ---------------------->    |
      |  nine more writes of ten bytes             |
      |  <-----------------------------  ACK 11    |
      |  bytes 11 to 100  -------------------->    |

With TCP_NODELAY each write travels by itself, and at once: ten segments, with ten times forty bytes of headers. So it
is for what cannot wait, like a key that was pressed, not for a message that is written in pieces. A segment of the
full length never waits; by the RFC a small one behind it does, in Linux it does not, unless it is the second small one.
Read next: RFC 896; RFC 9293 section 3.7.4; tcp(7) on TCP_NODELAY and TCP_CORK; delayed_ack, its neighbour.
"""

from badwire.faults import Delay
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import Evidence, tcp_of
from badwire.old.evidence.windows import sendings
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PLAIN, NO_DELAY, MORE, LONG = 7001, 7002, 7003, 7004  # ports
WRITES, PIECE, FULL = 10, b"ten bytes.", 1460  # FULL: bytes of a segment with an MTU of 1500, without timestamps
MORE_COMES = [(PIECE, "MSG_MORE")] * (WRITES - 1) + [(PIECE,)]
SENDS = {PLAIN: [(PIECE,)] * WRITES, NO_DELAY: [(PIECE,)] * WRITES, MORE: MORE_COMES, LONG: [(bytes(FULL) + PIECE,)]}
PINNED = {"tcp_timestamps": "0", "tcp_autocorking": "0", "tcp_congestion_control": "reno"}


@scenario("Small writes wait for each other", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()})
def nagle(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    with lab.wire.fault(Delay(100 * ms)):
        for port, sends in SENDS.items():
            server.listen(port)
            writer = client.connect(server.at(port))
            if port == NO_DELAY:
                writer.set_option("IPPROTO_TCP", "TCP_NODELAY", 1)
            for what in sends:
                writer.call("send", *what)
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("9293", "3.7.4"), Kernel("net/ipv4/tcp_output.c", "tcp_nagle_check"))
def at_most_one_small_segment_is_on_its_way(seen: Evidence) -> Verdict:
    """All bytes in flight after each sending are its own."""
    sent = sendings(seen.opened(PLAIN).connection, "client") or ()
    others = [each.in_flight - tcp_of(each.frame).data_length for each in sent]
    return all_of(at_least(len(sent) or None, 2, "segments"), equals(max(others, default=None), 0, "bytes"))


@claim(RFC("9293", "3.7.4"))
def what_is_written_meanwhile_goes_together_in_the_next(seen: Evidence) -> Verdict:
    """The first goes at once, alone. Of the others all that were written by then, which a busy machine may delay."""
    first, second = (seen.opened(PLAIN).lengths("client") or (None, None))[:2]
    gathered = within(second, 2 * len(PIECE), (WRITES - 1) * len(PIECE), "bytes")
    return all_of(equals(first, len(PIECE), "bytes"), gathered)


@claim(Man("tcp(7)"))
def with_tcp_nodelay_each_write_is_a_segment_and_none_waits(seen: Evidence) -> Verdict:
    """More than one was on its way at once."""
    opened = seen.opened(NO_DELAY)
    most = max((each.in_flight for each in sendings(opened.connection, "client") or ()), default=None)
    return all_of(
        equals(opened.lengths("client"), (len(PIECE),) * WRITES, "bytes"), at_least(most, 2 * len(PIECE), "bytes")
    )


@claim(Man("send(2)"))
def who_says_that_more_comes_fills_a_segment_with_many_writes(seen: Evidence) -> Verdict:
    """MSG_MORE is a cork for one call: nothing leaves before a call without it, or a full segment, or 200 ms."""
    return equals(seen.opened(MORE).lengths("client"), (WRITES * len(PIECE),), "bytes")


@claim(Kernel("net/ipv4/tcp_output.c", "tcp_minshall_check"))
def behind_a_full_segment_a_small_one_does_not_wait(seen: Evidence) -> Verdict:
    """RFC 9293 section 3.7.4 would have it wait for the acknowledgment of the full one: here both are on their way."""
    sent = sendings(seen.opened(LONG).connection, "client") or ()
    return equals([each.in_flight for each in sent] or None, [FULL, FULL + len(PIECE)], "bytes")
