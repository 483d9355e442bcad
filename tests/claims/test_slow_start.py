"""The claims of slow_start on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.slow_start import FLIGHTS, INITIAL, PORTS
from tests.claims.cases import verdicts
from tests.claims.flows import Transfer
from tests.claims.written import Written

HOSTS = ("server", "client1", "client2")
NO_FLIGHTS: dict[str, Sequence[int]] = {}
LOOKED_AT = (0, 1, 3)  # segments acknowledged when the client's socket is sampled


def run(
    flights: Mapping[str, Sequence[int]] = NO_FLIGHTS, wider: int = 0, looked: bool = True, way: float = 0.05
) -> Evidence:
    """A correct history, but for what is changed; the kernel's window is ``wider`` than right, in segments."""
    w = Written(hosts=HOSTS, scenario="slow_start")
    for number, (host, port) in enumerate(PORTS.items()):
        t = 1 + 5 * number
        transfer = Transfer(w, t, port, host, way)
        transfer.flights(t, flights.get(host, FLIGHTS[host]))
        if looked:
            for acked in LOOKED_AT:
                window = INITIAL[host] + acked + wider
                transfer.sample(t + 0.01 + acked, acked, snd_cwnd=window, notsent_bytes=1)
        transfer.sample(t + 3.5, 70, snd_cwnd=60)  # nothing waits any more
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("initial_window", {"flights": {"client1": (1, 2, 4, 8, 16, 32, 7)}}),
    ("initial_window", {"flights": {"client2": (10, 20, 40)}}),
    ("initial_window", {"flights": {"client1": (3, 6, 12, 24, 25)}}),
    ("flights_double", {"flights": {"client1": (10, 15, 22, 23)}}),  # as if one ACK counted for two segments
    ("flights_double", {"flights": {"client2": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15)}}),
    ("flights_double", {"flights": {"client1": (70,)}}),
    ("round_trip_apart", {"way": 0.04}),
    ("window_grows", {"wider": 1}),
    ("window_grows", {"wider": -1}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("initial_window", {"flights": {"client2": ()}}),
    ("flights_double", {"flights": {"client2": ()}}),
    ("round_trip_apart", {"flights": {"client1": (70,), "client2": (70,)}}),
    ("window_grows", {"looked": False}),
]
test_verdicts = verdicts("slow_start", run, wrong=WRONG, missing=MISSING)
