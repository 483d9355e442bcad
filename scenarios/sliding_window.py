"""The sliding window: the receiver says how much may be on its way, and at zero the sender stops, and asks.

    client                                     server
      |  data  ---------------------------->     |  nobody reads
      |  <------  ACK 50001, window 10000        |  up to number 60001
      |  data up to number 60001  --------->     |
      |  <----------  ACK 60001, window 0        |  the buffer is full
      |  probe, number 60000, no data  ---->     |  after an RTO, then after 2, 4, 8: is it open again?
      |  <------  ACK 60001, window 30000        |  somebody reads
      |  data  ---------------------------->     |

Read next: RFC 9293 section 3.8.6; RFC 7323 section 2; Stevens, TCP/IP Illustrated vol. 1, chapter 15.
"""

from itertools import pairwise

from badwire.faults import Delay
from badwire.linux.timers import RTO_MIN
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, claim, equals, happened, never, within
from badwire.old.evidence import NS, Evidence
from badwire.old.evidence.windows import offers, reopened, sendings, shut_out
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT, MESSAGE, PROBES, READS = 7001, bytes(100_000), 4, "the rest is read"
# A buffer that does not grow, and is so long that the window counts in units of more than a byte.
PINNED = {"tcp_rmem": "4096 65536 65536", "tcp_moderate_rcvbuf": "0", "tcp_shrink_window": "0"}
PINNED |= {"tcp_window_scaling": "1", "tcp_congestion_control": "reno"}


@scenario("The window closes and opens", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()})
def sliding_window(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener = server.listen(PORT)
    with lab.wire.fault(Delay(25 * ms)):
        sending = client.connect(server.at(PORT)).begin("send", MESSAGE)
        reader = listener.accept()
        client.wait_until(state="ESTABLISHED", where=lambda entry: entry["info"]["backoff"] >= PROBES, timeout=30)
        reader.recv(1)
        lab.pass_time(1, "one byte is read, and no more")
        lab.note(READS)
        reader.call("recv", len(MESSAGE) - 1, "MSG_WAITALL")
        sending.result()


@claim(RFC("9293", "3.8.6"), RFC("7323", "2.3"), Text("T32"))
def no_byte_goes_beyond_the_right_edge_of_the_window_that_its_sender_knew(seen: Evidence) -> Verdict:
    """Each segment is held against what had come before it left; the window's unit is that of the SYNs."""
    sent = sendings(seen.opened(PORT).connection, "client")
    beyond = [each for each in sent or () if each.room < 0]
    return all_of(happened(sent, "data against a window"), never(beyond, "a byte beyond the window", seen))


@claim(RFC("9293", "3.8.6"), Kernel("net/ipv4/tcp_output.c", "tcp_select_window"), Text("T32"))
def when_nobody_reads_it_shrinks_to_nothing_and_the_sender_stops_at_its_edge(seen: Evidence) -> Verdict:
    """It shrinks because bytes fill it: its right edge never moves back (tcp_shrink_window is 0)."""
    connection = seen.opened(PORT).connection
    shut = {(each.room, each.frame.carries_data) for each in shut_out(connection, "client")}
    steps = [b.edge - a.edge for a, b in pairwise(offers(connection, "server") or ())]
    return all_of(equals(shut, {(0, False)}, "bytes of room"), at_least(min(steps, default=None), 0, "bytes"))


@claim(RFC("9293", "3.8.6.1"), RFC("1122", "4.2.2.17"), Kernel("net/ipv4/tcp_timer.c", "tcp_probe_timer"))
def it_asks_again_after_an_rto_and_then_after_twice_as_long_each_time(seen: Evidence) -> Verdict:
    """Counted from each answer. A kernel timer is never early, and late without a bound: each wait in its octave."""
    flow, asked = seen.flow(PORT), [each for each in shut_out(seen.opened(PORT).connection, "client") if each.is_probe]
    rto = next((look.info["rto"] / 1e6 for look in flow.looks if look.timer == "probe" and look.info["backoff"]), None)
    octaves = (within(each.waited, rto and rto * 2**n, rto and rto * 2 ** (n + 1), "s") for n, each in enumerate(asked))
    return all_of(*octaves, equals(len(asked), PROBES, "probes"))


@claim(RFC("9293", "3.8.6.2.2"), Kernel("net/ipv4/tcp_output.c", "__tcp_select_window"), Text("T32"))
def it_opens_as_soon_as_there_is_room_for_a_segment_and_what_waits_goes_at_once(seen: Evidence) -> Verdict:
    """The one byte that was read first opened nothing. The sender hears of room unasked."""
    connection = seen.opened(PORT).connection
    first = reopened(connection, "client")
    heard = at_least((first.offer.frame.sent_at - seen.at(READS)) / NS, 0, "s"), within(first.waited, 0, RTO_MIN, "s")
    return all_of(*heard, equals(connection.acknowledged("client"), len(MESSAGE) + 1, "as the next number"))
