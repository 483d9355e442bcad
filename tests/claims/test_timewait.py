"""The claims of timewait on histories written by hand: right, wrong in one thing at a time, with things missing."""

import pytest

from badwire.claims import FAILS, HOLDS
from badwire.evidence import Evidence
from scenarios.timewait import ECHO, GREETER, lasts_one_minute
from tests.claims.cases import Named, verdict_of, verdicts
from tests.claims.written import Written, sock

READER = 40001  # the client's ports
ASKER = 40002
AGAIN = 40003

SERVER_FIRST = ("server", "client")
CLIENT_FIRST = ("client", "server")


def connection(w: Written, t: float, port: int, client_port: int, closes: tuple[str, ...]) -> None:
    """A connection, and the FIN of each side in turn."""
    w.segment("client", "server", t, "S", seq=100, sport=client_port, dport=port)
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, sport=port, dport=client_port)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, sport=client_port, dport=port)
    for number, side in enumerate(closes):
        at = t + 0.01 + number * 0.01
        if side == "client":
            w.segment("client", "server", at, "FA", seq=101, ack=501 + number, sport=client_port, dport=port)
        else:
            w.segment("server", "client", at, "FA", seq=501, ack=101 + number, sport=port, dport=client_port)


def run(
    greeter_closes: tuple[str, ...] = SERVER_FIRST,
    echo_closes: tuple[str, ...] = CLIENT_FIRST,
    server_waits: float | None = 61.3,
    client_waits: float | None = 61.4,
    late_sample: float = 0.02,
    reader_waits: bool = False,
    echo_waits: bool = False,
    ready: float | None = 2.5,
    again_from: int = AGAIN,
    hz: int = 250,
) -> Evidence:
    """A correct history, but for what is changed; times in seconds, None for what is missing."""
    w = Written(scenario="timewait", hz=hz)
    connection(w, 1.0, GREETER, READER, greeter_closes)
    connection(w, 2.0, ECHO, ASKER, echo_closes)
    w.program("server", 1.9, "echo_serial", str(ECHO), exits=2.1)
    if ready:
        w.program("server", ready, "echo_serial", str(ECHO), number=2, exits=ready + 0.5)
        connection(w, ready + 0.1, ECHO, again_from, echo_closes)
    w.sample("server", 0.5, [])
    on_server = [sock("TIME_WAIT", GREETER, READER)] if server_waits else []
    w.sample("server", 1.03, on_server)
    if echo_waits:
        w.sample("server", 2.03, [*on_server, sock("TIME_WAIT", ECHO, ASKER)])
    if server_waits:
        ends = 1.02 + server_waits
        w.sample("server", ends + late_sample, [], prev=ends - 0.01)
    on_client = []
    if client_waits:
        on_client.append(sock("TIME_WAIT", ASKER, ECHO, "10.0.0.3", "10.0.0.2"))
    if reader_waits:
        on_client.append(sock("TIME_WAIT", READER, GREETER, "10.0.0.3", "10.0.0.2"))
    w.sample("client", 0.5, [])
    w.sample("client", 2.03, on_client)
    w.sample("client", 2.03 + (client_waits or 1.0), [])
    return w.evidence()


WRONG: Named = [
    ("first_to_close", {"greeter_closes": CLIENT_FIRST}),
    ("first_to_close", {"echo_closes": SERVER_FIRST}),
    ("lasts_one_minute", {"server_waits": 30.0}),
    ("lasts_one_minute", {"server_waits": 59.0}),
    ("lasts_one_minute", {"server_waits": 65.0}),
    ("lasts_one_minute", {"server_waits": 120.0}),
    ("second_to_close", {"reader_waits": True}),
    ("second_to_close", {"echo_waits": True}),
    ("restarts_at_once", {"ready": 70.0}),
    ("restarts_at_once", {"again_from": ASKER}),
]
MISSING: Named = [
    ("first_to_close", {"greeter_closes": ()}),
    ("first_to_close", {"server_waits": None}),
    ("first_to_close", {"client_waits": None}),
    ("lasts_one_minute", {"server_waits": None}),
    ("lasts_one_minute", {"server_waits": 60.0, "late_sample": 3.5}),
    ("second_to_close", {"greeter_closes": ("server",)}),
    ("second_to_close", {"greeter_closes": ("client",)}),
    ("second_to_close", {"echo_closes": ("server",)}),
    ("second_to_close", {"echo_closes": ("client",)}),
    ("restarts_at_once", {"ready": None}),
    ("restarts_at_once", {"client_waits": None}),
    ("restarts_at_once", {"echo_closes": ("client",)}),
]
test_verdicts = verdicts("timewait", run, wrong=WRONG, missing=MISSING)


@pytest.mark.parametrize(("hz", "latest"), [(100, 65.12), (250, 62.048), (1000, 64.096)])
def test_how_late_it_may_be_depends_on_the_kernels_ticks(hz: int, latest: float) -> None:
    assert verdict_of(lasts_one_minute, run(hz=hz, server_waits=latest - 0.1)) is HOLDS
    assert verdict_of(lasts_one_minute, run(hz=hz, server_waits=latest + 2)) is FAILS
