"""Slow start: a connection begins with a small congestion window, which doubles with each round trip.

    client1                 server        client2                 server
      |                         |           |  (its route has         |
      |                         |           |  initcwnd 1)            |
      |  10 segments  ------->  |           |  1 segment  --------->  |
      |  <-----------  10 ACKs  |           |  <--------------  1 ACK |
      |  20 segments  ------->  |           |  2 segments  -------->  |
      |  <-----------  20 ACKs  |           |  <------------- 2 ACKs  |
      |  40 segments  ------->  |           |  4, then 8, 16, 32      |
      |                         |           |  7, the rest of 70      |

Each acknowledged segment adds one to the window, so two segments leave for each one that arrived. Slow start is slow
only in comparison with sending everything at once. No segment is lost here, so slow start goes on until the data ends;
the scenario congestion_avoidance shows what else ends it.
Read next: RFC 5681 section 3.1; RFC 6928; Jacobson, Congestion Avoidance and Control (1988).
"""

from badwire.claims import RFC, Book, Checks, Instrument, Kernel, Text, at_least, claim, each, equals
from badwire.claims.instrument import EARLY
from badwire.evidence import Connection, Evidence, Records, intervals
from badwire.faults import Delay
from badwire.linux.congestion import window_after
from badwire.linux.timers import INITIAL_WINDOW
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

TEN = "it begins with ten (RFC 6928); one was RFC 2001's number, and is the window after a timeout"
PORTS = {"client1": 7001, "client2": 7002}
MSS = 1448  # bytes of data in a segment with timestamps
SEGMENTS = 70
DELAY = 50 * ms  # each way
INITIAL = {"client1": INITIAL_WINDOW, "client2": 1}
FLIGHTS = {"client1": (10, 20, 40), "client2": (1, 2, 4, 8, 16, 32, 7)}  # 70 segments each

# Nothing but the congestion window limits a flight: no metrics kept from earlier connections, no small buffer.
PINNED = {
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.tcp_slow_start_after_idle": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_rmem": "4096 1000000 4000000",
    "net.ipv4.tcp_wmem": "4096 1000000 4000000",
}
ROUTES = {
    "client2": {"initcwnd": 1},
    "server": {"quickack": 1},  # an ACK for each segment at once
}


@scenario("The window doubles with each round trip", sysctls=PINNED, hosts={"client": 2}, routes=ROUTES)
def slow_start(lab: Lab) -> None:
    server = lab.host("server")
    with lab.wire.fault(Delay(DELAY)):
        for name, port in PORTS.items():
            client = lab.host(name)
            server.listen(port)
            client.connect(server.at(port)).send(bytes(SEGMENTS * MSS))
            client.wait_while(state="ESTABLISHED", port=port, where=lambda entry: entry["wqueue"] > 0)


@claim(
    "A connection begins with ten segments, or as the route says",
    RFC("6928", "2"),
    Kernel("net/ipv4/tcp_input.c", "tcp_init_cwnd"),
    Text("T34", no=TEN),
)
def initial_window(run: Evidence) -> Checks:
    """The route of client2 has initcwnd 1."""
    for client, port in PORTS.items():
        sizes = run.established(port).client.flight_sizes
        yield equals(
            "segments in the first flight of {client}", sizes.first, INITIAL[client], "segments", client=client
        )


@claim(
    "Each flight is twice the one before",
    RFC("5681", "3.1"),
    Text("T40"),
    Book("Stevens, TCP/IP Illustrated vol. 1", "16.2"),
)
def flights_double(run: Evidence) -> Checks:
    """Flights double until the data ends: the last flight of client2 is the rest of the 70 segments."""
    for client, port in PORTS.items():
        sizes = run.established(port).client.flight_sizes
        yield equals("segments in each flight of {client}", sizes, FLIGHTS[client], "segments", client=client)


@claim("Flights are a round trip apart", RFC("5681", "2"), Instrument("a delay is never short"))
def round_trip_apart(run: Evidence) -> Checks:
    """The next flight may leave only when ACKs of the flight before arrive. The bound is twice the delay, less the
    accuracy of the wire's delays, EARLY (0.05 ms)."""
    shortest = waits_between_flights(run).smallest
    yield at_least("shortest time from one flight to the next", shortest, 2 * (DELAY - EARLY), "s")


@claim(
    "The kernel adds one to its window for each acknowledged segment",
    RFC("5681", "3.1"),
    Kernel("net/ipv4/tcp_cong.c", "tcp_slow_start"),
    Text("T40"),
)
def window_grows(run: Evidence) -> Checks:
    """Every sample of the socket is examined that was taken while data waited to be sent, also within a flight."""
    for client, port in PORTS.items():
        windows = run.established(port).client.flow.windows
        for acked, window in each("window of {client}", windows.items(), client=client):
            right = window_after(acked, INITIAL[client])
            yield equals(
                "window of {client} after {acked} acknowledged segments",
                window,
                right,
                "segments",
                client=client,
                acked=acked,
            )


def waits_between_flights(run: Evidence) -> Records[float]:
    """Seconds from the first segment of each flight to the first of the next, of both clients. Raises NotRecorded."""
    found: list[float] = []
    for port in PORTS.values():
        found += _waits(run.established(port))
    return Records(found, "intervals", "no flight after another one was recorded")


def _waits(connection: Connection) -> Records[float]:
    return intervals(connection.client.flow.flights.map(lambda flight: flight[0]))
