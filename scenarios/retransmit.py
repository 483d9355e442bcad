"""Retransmission: what was not acknowledged is sent again, after a timeout or, when later segments arrive, long before.

    client                                     server
      |  data 1  ------------------------ x     |  lost
      |  data 1  ------------------------ x     |  one RTO later, 200 ms and more: lost again
      |  data 1  -------------------------->    |  two RTOs later; were it lost again, then four, then eight
      |  <---------------------------  ACK 2    |

Behind one lost segment of a full window the others arrive, and their acknowledgments tell what is missing: so it comes
again a round trip later. Read next: RFC 6298; RFC 8985; Stevens vol. 1, chapter 14.
"""

from badwire.faults import Delay, Loss, Nth
from badwire.linux.timers import RTO_MIN
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, claim, equals, happened, unknown, within
from badwire.old.claims.instrument import EARLY
from badwire.old.evidence import NS, Evidence, intervals, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

ALONE, WINDOW, LOSSY, DATA, TIMES, LOSS = 7001, 7002, 7003, b"hello", 4, 0.1
# Reno, since others pace; no tail loss probes, which would come before the first timeout.
PINNED = {"tcp_congestion_control": "reno", "tcp_early_retrans": "0", "tcp_sack": "1", "tcp_recovery": "1"}


@scenario("Lost segments come again", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()})
def retransmit(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, connection = server.listen(ALONE), client.connect(server.at(ALONE))
    client.wait_until(state="ESTABLISHED", port=ALONE)  # so that its timeout is on record
    with lab.wire.fault(Nth(1, copies=TIMES - 1, data=True, to_port=ALONE), toward=server):
        connection.send(DATA)
        listener.accept().recv()
    for port in WINDOW, LOSSY:
        server.start("sink", port)
    with lab.wire.fault(Delay(25 * ms)), lab.wire.fault(Nth(3, data=True, to_port=WINDOW), toward=server):
        client.run("source", "--bytes", 14_480, server.at(WINDOW))  # ten segments: one initial window
    with lab.wire.fault(Loss(LOSS)):
        client.run("source", "--bytes", 200_000, server.at(LOSSY), timeout=600)
    server.wait_while(state="LAST_ACK", timeout=600)


@claim(RFC("6298", "5.4 to 5.6"), Kernel("net/ipv4/tcp_timer.c", "tcp_retransmit_timer"), Text("T31"))
def it_is_kept_and_comes_again_after_the_rto_which_doubles_each_time(seen: Evidence) -> Verdict:
    """A kernel timer is never early, and how late it may be on a busy machine has no bound: each wait in its octave."""
    connection = seen.opened(ALONE).connection
    waits = intervals(connection.sendings(connection.lost[0])) or ()
    looks = [look for look in seen.ends(connection)["client"].sockets if look.state == "ESTABLISHED"]
    rto = looks[0].info["rto"] / 1e6
    kept = {look.info["backoff"]: (look.info["rto"] / 1e6, look.wqueue) for look in looks if look.info["backoff"]}
    doubled = {n: (rto * 2**n, len(DATA)) for n in kept}
    octaves = (within(wait, rto * 2**n, rto * 2 ** (n + 1), "s") for n, wait in enumerate(waits))
    return all_of(*octaves, equals(len(waits), TIMES, "times"), equals(kept or None, doubled))


@claim(RFC("8985", "6.2"), RFC("5681", "3.2"), Kernel("include/net/tcp.h", "TCP_RTO_MIN"), Text("T37"))
def in_a_window_it_comes_again_once_later_ones_are_acknowledged_long_before_the_rto(seen: Evidence) -> Verdict:
    """RACK waits for the first acknowledgment that tells of later segments, and then one round trip at the most."""
    connection = seen.opened(WINDOW).connection
    lost, *again = (frame.sent_at / NS for frame in connection.sendings(connection.lost[0]))
    told = [each.arrived / NS - lost for each in connection.sent_by("server") or () if tcp_of(each).options.sack]
    if not (again and told and told[0] < RTO_MIN and connection.round_trip):
        return unknown("it did not come again, or nothing told of later ones before the RTO")
    return within(again[0] - lost, told[0] - EARLY, min(told[0] + connection.round_trip, RTO_MIN), "s")


@claim(RFC("9293", "3.8"), Text("T30"), Text("T31"))
def whatever_is_lost_all_bytes_arrive_in_order(seen: Evidence) -> Verdict:
    sent, read = ((seen.said(*who, LOSSY) or "").split()[-3:] for who in (("client", "source"), ("server", "sink")))
    if len({frame.toward for frame in seen.opened(LOSSY).connection.lost}) < 2 or (sent + read).count("sha256") < 2:
        return unknown("nothing was lost in one of the directions, or the transfer did not end")
    return equals(" ".join(read), " ".join(sent))


@claim(Kernel("include/uapi/linux/snmp.h", "TCP_MIB_RETRANSSEGS"))
def the_kernel_counts_the_retransmissions_that_the_capture_shows(seen: Evidence) -> Verdict:
    again = [frame.source for each in seen.connections() or () for frame in each.retransmissions or ()]
    counts = (equals(seen.counter(host, "Tcp.RetransSegs"), again.count(host), "segments") for host in seen.hosts)
    return all_of(happened(again, "segments came again"), *counts)
