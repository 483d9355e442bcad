"""Without fast retransmit: what it is worth depends on how many round trips the timer takes.

                    a round trip of 4 ms           a round trip of 400 ms
    repetitions     |--| noticed                   |------------------| noticed
    the timer       |----- 200 ms and more ----|   |------------------|--------| 200 ms more

The same transfer with the same one segment lost, with fast retransmit and without. The timer is never shorter than
200 ms: next to that a near host's whole transfer takes no time, while a far host's round trip takes longer than it.
Read next: RFC 5681 section 3.2; RFC 6298 section 2; Fall and Floyd, Simulation-based Comparisons of Tahoe, Reno and
SACK TCP (1996).
"""

from badwire.faults import Delay, Nth
from badwire.linux.timers import RTO_MIN
from badwire.old.claims import RFC, Kernel, Text, Verdict, all_of, at_least, claim, equals, unknown, within
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

NEAR, FAR, MSS, SEGMENTS, LOST = 7001, 7002, 1448, 84, 24  # flights of 10, 20, 40 and what is left: five round trips
DELAYS = {NEAR: 2 * ms, FAR: 200 * ms}
WITH, WITHOUT = "client1", "client2"
BOOK = {"tcp_congestion_control": "reno", "tcp_sack": "0", "tcp_recovery": "0", "tcp_early_retrans": "0"}
BOOK |= {"tcp_frto": "0", "tcp_no_metrics_save": "1", "tcp_timestamps": "1", "tcp_reordering": "3"}
BOOK |= {"tcp_rmem": "4096 1000000 4000000", "tcp_wmem": "4096 1000000 4000000"}
PINNED = {f"net.ipv4.{name}": value for name, value in BOOK.items()}
# Who waits for more repetitions than there are segments has only the timer left.
HOSTS = {"server": PINNED, WITH: PINNED, WITHOUT: {**PINNED, "net.ipv4.tcp_reordering": "127"}}
DEPENDS = "on how many round trips the timer takes: some 20 % where it is one and a half, tenfold on a short way"


@scenario(
    "Fast retransmit is worth the more the shorter the way is",
    sysctls=HOSTS,
    hosts={"client": 2},
    routes={"server": {"quickack": 1}},
)
def without_fast_retransmit(lab: Lab) -> None:
    server, clients = lab.host("server"), [lab.host(WITH), lab.host(WITHOUT)]
    for client in clients:
        server.connect(client.at(NEAR))  # so they know each other's MAC address, which takes a round trip of its own
    for port, delay in DELAYS.items():
        server.listen(port)
        for client in clients:
            nth = Nth(LOST, data=True, to_port=port)
            with lab.wire.fault(Delay(delay)), lab.wire.fault(nth, toward=server):
                client.connect(server.at(port)).send(bytes(SEGMENTS * MSS))
                client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("5681", "3.2"), Kernel("include/uapi/linux/snmp.h", "LINUX_MIB_TCPTIMEOUTS"))
def with_it_no_timer_runs_out_and_without_it_one_for_each_loss(seen: Evidence) -> Verdict:
    counted = {client: seen.counter(client, "TcpExt.TCPTimeouts") for client in (WITH, WITHOUT)}
    return equals(None if None in counted.values() else counted, {WITH: 0, WITHOUT: len(DELAYS)}, "timeouts")


@claim(RFC("6298", "2.4"), Kernel("include/net/tcp.h", "TCP_RTO_MIN"), Text("T39", depends=DEPENDS))
def to_a_near_host_it_more_than_doubles_the_throughput(seen: Evidence) -> Verdict:
    """The timer alone takes longer than the rest. By what it waited more, for on a busy machine all else varies too."""
    quick, slow = (seen.flow(NEAR, client).repair for client in (WITH, WITHOUT))
    took = seen.flow(NEAR, WITHOUT).took
    if took is None:
        return unknown("a transfer did not end")
    return all_of(at_least(slow, RTO_MIN, "s"), at_least(took / (took - (slow - quick)), 2.0, "times as fast"))


@claim(RFC("6298", "2.3"), Text("T39", depends=DEPENDS))
def to_a_far_host_it_saves_two_round_trips_of_seven_at_most(seen: Evidence) -> Verdict:
    """Half of one for the timer, and one or so for a window that begins with one again."""
    quick, slow = (seen.flow(FAR, client).took for client in (WITH, WITHOUT))
    if quick is None or slow is None:
        return unknown("a transfer did not end")
    saved = within((slow - quick) / (2 * DELAYS[FAR]), 0, 2, "round trips")
    return all_of(saved, within(slow / quick, 1, 7 / 5, "times as fast"))
