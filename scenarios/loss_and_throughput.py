"""Loss and throughput: Reno's rate falls with the square root of the loss rate, and with the round trip time.

    window    W |     /|     /|     /|      every k-th segment is lost, so that all teeth are equal: the area of a
                |   /  |   /  |   /  |      tooth is k = 3/8 W * W segments, so W grows with the square root of k,
            W/2 | /    | /    | /    |      and so does the rate, 3/4 W segments in a round trip
                +----------------------->
                     round trips            k is 24, 96 and 384 here; round trips take 50, 100 and 200 ms

The square root belongs to Reno, not to networks: other congestion controls react in other ways (congestion_controls).
Read next: Mathis, Semke, Mahdavi and Ott, The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm (1997).
"""

from dataclasses import dataclass
from statistics import mean

from badwire.claims import RFC, Book, Checks, between, claim
from badwire.evidence import Evidence
from badwire.faults import Delay, Nth
from badwire.linux.congestion import sawtooth, slope, slopes
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

MSS = 1448  # bytes
MATHIS = Book("Mathis, Semke, Mahdavi and Ott, The Macroscopic Behavior of the TCP (1997)", "2")


@dataclass(frozen=True)
class Case:
    """One transfer: one segment in ``every`` is lost, each way takes ``delay`` seconds, and it has so many teeth."""

    every: int
    delay: float
    teeth: int


CASES = {
    7001: Case(every=24, delay=25 * ms, teeth=4),
    7002: Case(every=96, delay=25 * ms, teeth=2),
    7003: Case(every=384, delay=25 * ms, teeth=2),
    7004: Case(every=24, delay=50 * ms, teeth=4),
    7005: Case(every=24, delay=100 * ms, teeth=4),
}
BY_LOSS = (7001, 7002, 7003)
BY_TIME = (7001, 7004, 7005)
REPAIR = 2  # round trips in a tooth, at most, in which a loss is noticed and repaired; Mathis et al. leave them out

PINNED = {
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_sack": "0",
    "net.ipv4.tcp_recovery": "0",
    "net.ipv4.tcp_early_retrans": "0",
    "net.ipv4.tcp_frto": "0",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_reordering": "3",
    "net.ipv4.tcp_rmem": "4096 4000000 8000000",
    "net.ipv4.tcp_wmem": "4096 4000000 8000000",
}


@scenario("Reno's rate falls with the square root of the loss rate", sysctls=PINNED, routes={"server": {"quickack": 1}})
def loss_and_throughput(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    for port, case in CASES.items():
        server.listen(port)
        first = max(1, round(2 * sawtooth(case.every)) - 9)  # the first tooth is then as high as the others
        segments = first + case.teeth * case.every
        losses = Nth(first, every=case.every, times=None, data=True, to_port=port)
        with lab.wire.fault(Delay(case.delay)):
            with lab.wire.fault(losses, toward=server):
                sender = client.connect(server.at(port))
                sender.send(bytes(segments * MSS))
                lab.wire.wait_until("drop", toward=server, count=1 + case.teeth, timeout=60)
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "A tooth lasts half its height in round trips, and up to two to repair",
    MATHIS,
    RFC("5681", "3.1"),
    RFC("5681", "3.2"),
)
def length_of_a_tooth(run: Evidence) -> Checks:
    """The mean length of all teeth is counted in flights, not in seconds, since round trips take longer on a busy
    machine. Mathis et al. leave out the time in which a loss is detected and repaired: up to two round trips."""
    flights = {port: flights_in_a_tooth(run, port) for port in BY_LOSS}
    for port in BY_LOSS:
        every = CASES[port].every
        least = sawtooth(every)
        yield between(
            "length of a tooth, if one in {every} is lost",
            flights[port],
            least,
            least + REPAIR,
            "round trips",
            every=every,
        )


@claim("The rate falls with the square root of the loss rate", MATHIS)
def by_loss_rate(run: Evidence) -> Checks:
    """The exponent is -1/2 without the time for repair. The bounds are the exponents with repairs that take from none
    to two round trips. The rate is counted in segments a round trip."""
    points = [(1 / CASES[port].every, segments_in_a_round_trip(run, port)) for port in BY_LOSS]
    yield between("exponent of the loss rate", slope(points), *exponents_of_loss())


@claim("The rate falls with the round trip time", MATHIS)
def by_round_trip(run: Evidence) -> Checks:
    """The exponent is -1, since the same teeth take longer. The bounds are the exponents with repairs that take from
    none to two round trips."""
    points = [round_trip_and_rate(run, port) for port in BY_TIME]
    yield between("exponent of the round trip time", slope(points), *exponents_of_time(points))


def flights_in_a_tooth(run: Evidence, port: int) -> float:
    """The mean of all its teeth. Raises NotRecorded."""
    cycles = run.established(port).client.flow.loss_cycles
    return mean(cycle.flights for cycle in cycles)


def segments_in_a_round_trip(run: Evidence, port: int) -> float:
    """The rate between the first loss and the last. Raises NotRecorded."""
    flow = run.established(port).client.flow
    return flow.rate * flow.smoothed_round_trip


def round_trip_and_rate(run: Evidence, port: int) -> tuple[float, float]:
    """The round trip time in seconds, and the rate in segments a second. Raises NotRecorded."""
    flow = run.established(port).client.flow
    return flow.smoothed_round_trip, flow.rate


def exponents_of_loss() -> tuple[float, float]:
    """The smallest and the largest exponent, when each repair takes from none to ``REPAIR`` round trips."""
    points = []
    for port in BY_LOSS:
        every = CASES[port].every
        points.append((1 / every, every / (sawtooth(every) + REPAIR), every / sawtooth(every)))
    return slopes(points)


def exponents_of_time(points: list[tuple[float, float]]) -> tuple[float, float]:
    """The same for transfers with these round trip times, all with the loss rate of the first one."""
    every = CASES[BY_TIME[0]].every
    least = every / (sawtooth(every) + REPAIR)
    most = every / sawtooth(every)
    return slopes((round_trip, least / round_trip, most / round_trip) for round_trip, _ in points)
