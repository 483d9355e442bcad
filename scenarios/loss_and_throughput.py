"""Loss and throughput: Reno's rate falls with the square root of the loss rate, and with the round trip time.

    window    W |     /|     /|     /|      one segment in k is lost, each k-th, so that all teeth are alike:
                |   /  |   /  |   /  |      k is their area, 3/8 W * W, so W grows with the square root of k,
            W/2 | /    | /    | /    |      and so does the rate, of 3/4 W in a round trip
                +----------------------->
                     round trips            lost for one in 24, 96 and 384; and over 50, 100 and 200 ms

The square root is Reno's, not the network's: other ways to control congestion pay another price (congestion_controls).
Read next: Mathis, Semke, Mahdavi and Ott, The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm (1997).
"""

from statistics import mean

from badwire.faults import Delay, Nth
from badwire.linux.congestion import sawtooth, slope, slopes
from badwire.old.claims import RFC, Book, Verdict, all_of, claim, within
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

MSS, MATHIS = 1448, Book("Mathis, Semke, Mahdavi and Ott, The Macroscopic Behavior of the TCP (1997)", "2")
# Port: one in so many is lost, each way takes so long, so many teeth.
CASES = {7001: (24, 25 * ms, 4), 7002: (96, 25 * ms, 2), 7003: (384, 25 * ms, 2)}
CASES |= {7004: (24, 50 * ms, 4), 7005: (24, 100 * ms, 4)}
BY_LOSS, BY_TIME = (7001, 7002, 7003), (7001, 7004, 7005)
REPAIR = 2  # round trips in a tooth, at the most, that a loss takes to be noticed and repaired: Mathis leaves them out
BOOK = {"tcp_congestion_control": "reno", "tcp_sack": "0", "tcp_recovery": "0", "tcp_early_retrans": "0"}
BOOK |= {"tcp_frto": "0", "tcp_no_metrics_save": "1", "tcp_timestamps": "1", "tcp_reordering": "3"}
BOOK |= {"tcp_rmem": "4096 4000000 8000000", "tcp_wmem": "4096 4000000 8000000"}
PINNED = {f"net.ipv4.{name}": value for name, value in BOOK.items()}


@scenario("Reno's rate falls with the square root of the loss rate", sysctls=PINNED, routes={"server": {"quickack": 1}})
def loss_and_throughput(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port, (every, delay, teeth) in CASES.items():
        server.listen(port)
        first = max(1, round(2 * sawtooth(every)) - 9)  # so that the first tooth is as high as the others
        nth = Nth(first, every=every, times=None, data=True, to_port=port)
        with lab.wire.fault(Delay(delay)):
            with lab.wire.fault(nth, toward=server):
                client.connect(server.at(port)).send(bytes((first + teeth * every) * MSS))
                lab.wire.wait_until("drop", toward=server, count=1 + teeth, timeout=60)
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(MATHIS, RFC("5681", "3.1"), RFC("5681", "3.2"))
def a_tooth_takes_half_its_height_in_round_trips_and_one_or_two_for_the_repair(seen: Evidence) -> Verdict:
    """The mean of its teeth, counted in flights: a busy machine makes round trips longer, and not more."""
    flows = {port: seen.flow(port) for port in BY_LOSS}
    teeth = {port: mean(flow.rounds) for port, flow in flows.items()}
    least = {port: sawtooth(CASES[port][0]) for port in BY_LOSS}
    return all_of(*(within(teeth[port], least[port], least[port] + REPAIR, "round trips") for port in BY_LOSS))


@claim(MATHIS)
def the_rate_falls_with_the_square_root_of_the_loss_rate(seen: Evidence) -> Verdict:
    """-1/2 in logarithms, but for the repair: it is what bounds the slope. In segments in a round trip."""
    flows = {CASES[port][0]: seen.flow(port) for port in BY_LOSS}
    found = slope([(1 / every, flow.rate * flow.round_trip) for every, flow in flows.items()])
    teeth = [(every, sawtooth(every)) for every in flows]
    return within(found, *slopes((1 / every, every / (tooth + REPAIR), every / tooth) for every, tooth in teeth))


@claim(MATHIS)
def the_rate_falls_with_the_round_trip_time(seen: Evidence) -> Verdict:
    """-1 in logarithms, as the same teeth take longer; they need not take the same time for the repair."""
    found = [(flow.round_trip, flow.rate) for flow in (seen.flow(port) for port in BY_TIME)]
    every = CASES[BY_TIME[0]][0]
    least, most = every / (sawtooth(every) + REPAIR), every / sawtooth(every)
    return within(slope(found), *slopes((trip, least / trip, most / trip) for trip, _ in found))
