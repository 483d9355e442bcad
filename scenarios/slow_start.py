"""Slow start: a connection begins with a small window, and doubles it in each round trip.

    client1                 server        client2, whose route says initcwnd 1
      |  10 segments  ------->  |           |  1 segment  --------->  |
      |  <-----------  10 ACKs  |           |  <--------------  1 ACK |
      |  20 segments  ------->  |           |  2 segments  -------->  |
      |  <-----------  20 ACKs  |           |  <------------- 2 ACKs  |
      |  40 segments  ------->  |           |  4, then 8, 16, 32 ...  |

Each acknowledged segment widens the window by one, so that two leave for each that arrived: slow it is only compared
with sending all at once. Nothing is lost here, so nothing ends it: that is congestion_avoidance's part.
Read next: RFC 5681 section 3.1; RFC 6928; Jacobson, Congestion Avoidance and Control (1988).
"""

from badwire.faults import Delay
from badwire.linux.congestion import window_after
from badwire.linux.timers import INITIAL_WINDOW
from badwire.old.claims import RFC, Book, Instrument, Kernel, Text, Verdict, all_of, at_least, claim, equals
from badwire.old.claims.instrument import EARLY
from badwire.old.evidence import Evidence, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORTS, MSS, SEGMENTS, DELAY = {"client1": 7001, "client2": 7002}, 1448, 70, 50 * ms
INITIAL = {"client1": INITIAL_WINDOW, "client2": 1}
FLIGHTS = {"client1": (10, 20, 40), "client2": (1, 2, 4, 8, 16, 32, 7)}  # 70 segments each
# What else could limit a flight: what earlier connections learned, a buffer. quickack: an ACK for each segment at once.
PINNED = {"tcp_congestion_control": "reno", "tcp_no_metrics_save": "1", "tcp_slow_start_after_idle": "1"}
PINNED |= {"tcp_timestamps": "1", "tcp_rmem": "4096 1000000 4000000", "tcp_wmem": "4096 1000000 4000000"}


@scenario(
    "The window doubles with each round trip",
    sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()},
    hosts={"client": 2},
    routes={"client2": {"initcwnd": 1}, "server": {"quickack": 1}},
)
def slow_start(lab: Lab) -> None:
    server = lab.host("server")
    with lab.wire.fault(Delay(DELAY)):
        for name, port in PORTS.items():
            server.listen(port)
            lab.host(name).connect(server.at(port)).send(bytes(SEGMENTS * MSS))
            lab.host(name).wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(RFC("6928", "2"), Kernel("net/ipv4/tcp_input.c", "tcp_init_cwnd"), Text("T34", no="it begins with ten segments"))
def it_begins_with_ten_segments_or_with_as_many_as_the_route_says(seen: Evidence) -> Verdict:
    first = {host: (seen.flow(port).sizes or (None,))[0] for host, port in PORTS.items()}
    return equals(first if all(first.values()) else None, INITIAL, "segments")


@claim(RFC("5681", "3.1"), Text("T34"), Book("Stevens, TCP/IP Illustrated vol. 1", "16.2"))
def each_flight_is_twice_the_one_before(seen: Evidence) -> Verdict:
    """Until the data ends: the last flight of the second client is what was left."""
    return all_of(*(equals(seen.flow(port).sizes, FLIGHTS[host], "segments") for host, port in PORTS.items()))


@claim(RFC("5681", "2"), Instrument("a delay is never short"))
def flights_are_a_round_trip_apart(seen: Evidence) -> Verdict:
    """What lets the next flight go has been to the server and back."""
    flights = [[flight[0] for flight in seen.flow(port).flights or ()] for port in PORTS.values()]
    waits = [wait for begun in flights for wait in intervals(begun) or ()]
    return at_least(min(waits, default=None), 2 * (DELAY - EARLY), "s")


@claim(RFC("5681", "3.1"), Kernel("net/ipv4/tcp_cong.c", "tcp_slow_start"), Text("T34"))
def the_kernel_widens_its_window_by_one_for_each_segment_that_is_acknowledged(seen: Evidence) -> Verdict:
    """Whenever its table was looked at while data waited, in between flights too."""
    windows = {host: seen.flow(port).windows for host, port in PORTS.items()}
    right = {host: {n: window_after(n, INITIAL[host]) for n in looks or ()} for host, looks in windows.items()}
    return equals(windows if all(windows.values()) else None, right, "segments")
