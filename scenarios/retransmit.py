"""Retransmission: what was not acknowledged is sent again, after a timeout or, when later segments arrive, long before.

    client                                     server
      |  data 1  ------------------------ x     |  lost
      |     . . . one RTO: 200 ms and more      |
      |  data 1  ------------------------ x     |  lost again: the timeout doubles
      |     . . . two RTOs, four RTOs           |
      |  data 1  -------------------------->    |
      |  <---------------------------  ACK 2    |

Of a full window only one is lost: the segments behind it arrive, each is acknowledged at once, and these tell what is
missing, so that it comes again a round trip later. Read next: RFC 6298; RFC 8985; Stevens vol. 1, chapter 14.
"""

from lab.claims import RFC, Kernel, Text, Verdict, all_of, at_most, claim, equals, happened, unknown, within
from lab.evidence import Evidence, intervals
from lab.faults import Delay, Loss, Nth
from lab.kernelfacts import RTO_MIN, backoff
from lab.lab import Lab
from lab.scenario import scenario
from lab.units import ms

ALONE, WINDOW, LOSSY, TIMES = 7001, 7002, 7003, 4
# Reno, since others pace; no tail loss probes, which would come before the first timeout.
PINNED = {"tcp_congestion_control": "reno", "tcp_early_retrans": "0", "tcp_sack": "1", "tcp_recovery": "1"}


@scenario("Lost segments come again", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()})
def retransmit(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    lab.note("the only segment under way is lost, and its next copies")
    listener, connection = server.listen(ALONE), client.connect(server.at(ALONE))
    client.wait_until(state="ESTABLISHED", port=ALONE)  # so that its timeout is on record
    with lab.wire.fault(Nth(1, copies=TIMES - 1, data=True, to_port=ALONE), toward=server):
        connection.send(b"hello")
        listener.accept().recv()
    lab.note("one segment in the middle of a window is lost")
    for port in (WINDOW, LOSSY):
        server.start("sink", port)
    with lab.wire.fault(Delay(25 * ms)), lab.wire.fault(Nth(3, data=True, to_port=WINDOW), toward=server):
        client.run("source", server.at(WINDOW), "--bytes", 14_480)  # ten segments: one initial window
    lab.note("one segment in ten is lost, both ways")
    with lab.wire.fault(Loss(0.1)):
        client.run("source", server.at(LOSSY), "--bytes", 200_000, timeout=120)
    client.wait_while(state="FIN_WAIT_1", timeout=120)
    server.wait_while(state="LAST_ACK", timeout=120)


def waits(seen: Evidence, port: int, which: int) -> tuple[float, ...]:
    """Seconds between the sendings of the client's data segment number ``which``, the first one being 0."""
    connection = seen.connection(port)
    sent = (connection and connection.sent_by("client", data=True)) or ()
    return (connection and len(sent) > which and intervals(connection.sendings(sent[which]))) or ()


@claim(RFC("6298", "5.4 to 5.6"), Kernel("net/ipv4/tcp_timer.c", "tcp_retransmit_timer"), Text("T31"))
def it_comes_again_after_the_rto_which_doubles_each_time(seen: Evidence) -> Verdict:
    """A kernel timer is never early, and how late it may be on a busy machine has no bound: each wait in its octave."""
    known, measured = seen.sockets("client").histories("ESTABLISHED", remote_port=ALONE), waits(seen, ALONE, 0)
    if known is None or len(measured) != TIMES:
        return unknown(f"{len(measured)} of {TIMES} retransmissions were seen")
    due = backoff(known[0].sockets[0].info["rto"] / 1e6, TIMES)
    return all_of(*(within(wait, rto, 2 * rto, "s") for wait, rto in zip(measured, due, strict=True)))


@claim(RFC("8985", "6.2"), RFC("5681", "3.2"), Kernel("include/net/tcp.h", "TCP_RTO_MIN"), Text("T37"))
def in_a_full_window_it_comes_again_within_two_round_trips_long_before_the_rto(seen: Evidence) -> Verdict:
    """One round trip until the acknowledgments tell, and RACK's reordering window of at most one more."""
    connection, measured = seen.connection(WINDOW), waits(seen, WINDOW, 2)
    if connection is None or connection.round_trip is None or not measured:
        return unknown("the lost segment was not seen again")
    return all_of(at_most(measured[0], 2 * connection.round_trip, "s"), at_most(measured[0], RTO_MIN, "s"))


@claim(RFC("9293", "3.8"), Text("T30"), Text("T31"))
def at_ten_percent_loss_all_bytes_arrive_in_order(seen: Evidence) -> Verdict:
    """What the receiver read has the digest of what the sender wrote, and segments were lost in both directions."""
    programs = ((seen.programs("client", "source") or ())[1:], (seen.programs("server", "sink") or ())[1:])
    sent, received = (" ".join(program.out.split()[-2:]) for (program,) in programs)
    lost = [frame.toward for frame in seen.segments(port=LOSSY) or () if not frame.delivered_at]
    directions = (happened(lost.count(host) or None, f"segments toward {host} were lost") for host in seen.hosts)
    return all_of(*directions, happened("sha256" in sent, "the sender finished"), equals(received, sent))


@claim(Kernel("include/uapi/linux/snmp.h", "TCP_MIB_RETRANSSEGS"))
def the_kernel_counts_the_retransmissions_that_the_capture_shows(seen: Evidence) -> Verdict:
    """Tcp.RetransSegs of each host, over the whole run."""
    again = [frame.source for each in seen.connections() or () for frame in each.retransmissions or ()]
    return all_of(*(equals(seen.counter(host, "Tcp.RetransSegs"), again.count(host), host) for host in seen.hosts))
