"""The claims of enough_ports on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.enough_ports import ATTEMPTS, ECHO, FIRST, LOCAL_PORTS, REQUEST
from tests.claims.cases import Named, verdicts
from tests.claims.silent import CLIENT, SERVER
from tests.claims.tables import Tables
from tests.claims.written import Written, sock

KEPT = 40001  # the client's port of the connection to ECHO
SUCCESS = (None,) * len(LOCAL_PORTS)


def run(
    errors: Sequence[str | None] = (*SUCCESS, None),
    client_waits: bool = False,
    server_waits: int = len(LOCAL_PORTS),
    answers: int = ATTEMPTS,
) -> Evidence:
    """A correct history, but for what is changed: errors of connect, sockets in TIME_WAIT, answers to requests."""
    w = Written(scenario="enough_ports")
    for number, errno in enumerate(errors):
        w.call("client", 1.0 + number / 100, "connect", [SERVER, FIRST], errno=errno)

    tables = Tables(w)
    for port in LOCAL_PORTS[:server_waits]:
        tables.add("server", sock("TIME_WAIT", FIRST, port), since=1.3)
    tables.add("server", sock("LISTEN", FIRST, inode=5), since=0.1)
    state = "TIME_WAIT" if client_waits else "LAST_ACK"
    tables.add("client", sock(state, LOCAL_PORTS[0], FIRST, CLIENT, SERVER), since=1.2, until=1.3)
    tables.write()

    w.segment("client", "server", 2.0, "S", seq=100, sport=KEPT, dport=ECHO)
    w.segment("server", "client", 2.1, "SA", seq=500, ack=101, sport=ECHO, dport=KEPT)
    w.segment("client", "server", 2.2, "A", seq=101, ack=501, sport=KEPT, dport=ECHO)
    for number in range(answers):
        seq = 501 + number * len(REQUEST)
        w.segment("server", "client", 3.0 + number, "PA", seq=seq, ack=101, data=REQUEST, sport=ECHO, dport=KEPT)
    return w.evidence()


WRONG: Named = [
    ("server_closes_first", {"errors": [*SUCCESS, "EADDRNOTAVAIL"]}),
    ("server_closes_first", {"client_waits": True}),
    ("server_closes_first", {"server_waits": 2}),
    ("one_connection", {"answers": len(LOCAL_PORTS)}),
]
MISSING: Named = [
    ("server_closes_first", {"errors": []}),
    ("one_connection", {"answers": 0}),
]
test_verdicts = verdicts("enough_ports", run, wrong=WRONG, missing=MISSING)
