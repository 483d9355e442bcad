"""The claims of who_closes on histories written by hand: right, wrong in one thing, with things missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from badwire.evidence import Evidence
from scenarios.who_closes import CALL, CLOSES_FIRST, EXIT, INTERRUPT, KILL
from tests.claims.cases import verdicts
from tests.claims.ladders import OPENING, OTHER, OWN, Table, talk
from tests.claims.written import Written

Ending = tuple[int | None, str | None]  # status, signal

FOUR = ("{first} FA 1 ack 1", "{second} A 1 ack 2", "{second} FA 1 ack 2", "{first} A 2 ack 2")
THREE = ("{first} FA 1 ack 1", "{second} FA 1 ack 2", "{first} A 2 ack 2")
RESET = ("{first} RA 1 ack 1",)
STATES = ("ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")
ENDINGS: dict[int, Ending] = {EXIT: (0, None), INTERRUPT: (None, "SIGINT"), KILL: (None, "SIGKILL")}
OTHER_PORT = 7005
AS_RIGHT: dict[int, Any] = {}


def run(
    segments: Mapping[int, Sequence[str]] = AS_RIGHT,
    first: Mapping[int, str] = AS_RIGHT,
    waits: Mapping[int, Sequence[str]] = AS_RIGHT,
    endings: Mapping[int, Ending] = AS_RIGHT,
    programs: bool = True,
) -> Evidence:
    """A correct history, but for what is changed, by port: segments, who is first, who waits, how the program ends."""
    w = Written(scenario="who_closes")
    tables = {host: Table(w, host) for host in w.hosts}
    for number, port in enumerate(CLOSES_FIRST):
        closer = first.get(port, CLOSES_FIRST[port])
        closing = [line.format(first=closer, second=OTHER[closer]) for line in segments.get(port, FOUR)]
        talk(w, port, 1 + number, *OPENING, *closing)
        waiting = waits.get(port, [closer])
        for host in w.hosts:
            ports = (OWN, port) if host == "client" else (port, OWN)
            if host in waiting:
                tables[host].passes(1 + number, *ports, *STATES)
        for host in w.hosts:
            ports = (OWN, port) if host == "client" else (port, OWN)
            if host not in waiting:
                tables[host].passes(1.5 + number, *ports, "LAST_ACK", None)
    if programs:
        for port, (status, signal) in {**ENDINGS, **endings}.items():
            host = CLOSES_FIRST.get(port, "server")
            w.program(host, 0.5, "program", str(port), number=port, exits=9, status=status, signal=signal)
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("end_without_close", {"endings": {EXIT: (1, None)}}),
    ("end_without_close", {"endings": {INTERRUPT: (0, None)}}),
    ("end_without_close", {"endings": {KILL: (None, "SIGTERM")}}),
    ("end_without_close", {"endings": {OTHER_PORT: (0, None)}}),
    ("same_on_the_wire", {"segments": {KILL: THREE}}),
    ("same_on_the_wire", {"segments": {EXIT: (*FOUR, "{second} RA 2 ack 2")}}),
    ("first_waits", {"first": {CALL: "server"}}),
    ("first_waits", {"first": {CALL: "server"}, "waits": {CALL: ["client"]}}),
    ("first_waits", {"waits": {INTERRUPT: ["server"]}}),
    ("first_waits", {"waits": {KILL: []}}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("end_without_close", {"programs": False}),
    ("same_on_the_wire", {"segments": {KILL: RESET}}),
    ("first_waits", {"segments": {CALL: RESET}}),
]
test_verdicts = verdicts("who_closes", run, wrong=WRONG, missing=MISSING)
