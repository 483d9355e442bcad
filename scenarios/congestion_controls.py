"""Congestion controls: who finds a way full by losing segments pays for every loss, and each in its own coin.

                 what a loss leaves of the window    with one in 24 lost, over and over
    Reno         a half                              a window between 4 and 8: loss_and_throughput
    Cubic        seven tenths, then it grows slower  as fast as Reno would be, which is its aim on such a way
    BBR          all of it                           faster and faster: nothing here is full, only lossy

BBR asks how much arrives in a second and how long it takes, not what is lost: a blessing where losses mean noise, less
so where they mean a full queue that others share. Each client has the same recovery, SACK and RACK.
Read next: RFC 5681; RFC 9438; Cardwell and others, BBR: Congestion-Based Congestion Control (2016).
"""

from badwire.faults import Delay, Nth
from badwire.linux.congestion import INFINITE, halved
from badwire.linux.timers import INITIAL_WINDOW
from badwire.old.claims import RFC, Book, Kernel, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import Evidence
from badwire.old.evidence.congestion import RECOVERY
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT, MSS, EVERY, TEETH = 7001, 1448, 24, 4
RENO, CUBIC, BBR = "client1", "client2", "client3"
# What ssthresh is after a loss; beta is 717 of 1024 in net/ipv4/tcp_cubic.c.
KEPT = {RENO: halved(INITIAL_WINDOW), CUBIC: INITIAL_WINDOW * 717 // 1024, BBR: INFINITE}
SAME = {"tcp_sack": "1", "tcp_recovery": "1", "tcp_early_retrans": "3", "tcp_frto": "2", "tcp_no_metrics_save": "1"}
SAME |= {"tcp_timestamps": "1", "tcp_rmem": "4096 1000000 4000000", "tcp_wmem": "4096 1000000 4000000"}
PINNED = {f"net.ipv4.{name}": value for name, value in SAME.items()}
HOSTS = {host: {**PINNED, "net.ipv4.tcp_congestion_control": "reno"} for host in ("server", RENO)}
HOSTS |= {CUBIC: {**PINNED, "net.ipv4.tcp_congestion_control": "cubic"}}
HOSTS |= {BBR: {**PINNED, "net.ipv4.tcp_congestion_control": "bbr"}}


@scenario(
    "What a loss costs depends on who controls congestion",
    sysctls=HOSTS,
    hosts={"client": 3},
    routes={"server": {"quickack": 1}},
    virtual_only="a host may only have the congestion controls that its kernel allows to everybody, and those differ",
)
def congestion_controls(lab: Lab) -> None:
    server = lab.host("server")
    server.listen(PORT)
    for client in map(lab.host, (RENO, CUBIC, BBR)):
        nth = Nth(1, every=EVERY, times=None, data=True, to_port=PORT)
        with lab.wire.fault(Delay(25 * ms)):
            with lab.wire.fault(nth, toward=server):
                client.connect(server.at(PORT)).send(bytes((1 + TEETH * EVERY) * MSS))
                lab.wire.wait_until("drop", toward=server, count=1 + TEETH)
            client.wait_while(state="ESTABLISHED", port=PORT, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("5681", "3.2"), RFC("9438", "4.6"), Kernel("net/ipv4/tcp_bbr.c", "bbr_ssthresh"))
def a_loss_leaves_reno_half_of_the_window_cubic_seven_tenths_and_bbr_all(seen: Evidence) -> Verdict:
    """The first loss, of a window of ten: what ssthresh the kernel then goes by. BBR has none."""
    left = {client: seen.flow(PORT, client).within(RECOVERY)[0].info["snd_ssthresh"] for client in KEPT}
    return equals(left, KEPT, "segments")


@claim(RFC("9438", "4.3"), Kernel("net/ipv4/tcp_cubic.c", "bictcp_update"))
def with_small_windows_cubic_is_as_fast_as_reno(seen: Evidence) -> Verdict:
    """It reckons how large Reno's would be; give or take a segment, which is a quarter of the smallest window here."""
    return within(seen.flow(PORT, CUBIC).rate / seen.flow(PORT, RENO).rate, 3 / 4, 4 / 3, "of Reno's rate")


@claim(Book("Cardwell and others, BBR: Congestion-Based Congestion Control (2016)"))
def bbr_goes_on_growing_and_leaves_reno_behind(seen: Evidence) -> Verdict:
    """Its last tooth takes less than half of what its first did, while Reno's take longer: more than twice as fast."""
    times = [took for _, took in seen.flow(PORT, BBR).cycles]
    grown = at_least(times[0] / times[-1], 2.0, "times the rate it began with")
    return all_of(grown, at_least(seen.flow(PORT, BBR).rate / seen.flow(PORT, RENO).rate, 2.0, "times Reno's rate"))
