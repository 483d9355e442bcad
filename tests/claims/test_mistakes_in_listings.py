"""The claims of mistakes_in_listings on histories written by hand: right, wrong in one thing, with things missing."""

from typing import Any

from badwire.evidence import Evidence
from scenarios.mistakes_in_listings import (
    ECHO,
    ENDS,
    GOES_ON,
    HELLO,
    LENGTH,
    REAPS,
    SPINS,
    STRANGER,
    TABLE,
)
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

SHOWN = "255.255.255.255 ENOSPC\n10.0.0.255 10.0.0.255\n"


def visit(
    w: Written, port: int, client_port: int, t: float, answer: bytes, ends: tuple[str, ...] = (), opens: bool = True
) -> None:
    """A client connects and asks; it is answered, and each side of ``ends`` in turn sends FIN."""
    client: dict[str, Any] = {"sport": client_port, "dport": port}
    server: dict[str, Any] = {"sport": port, "dport": client_port}
    w.segment("client", "server", t, "S", seq=100, **client)
    if not opens:
        return
    w.segment("server", "client", t + 0.001, "SA", seq=500, ack=101, **server)
    w.segment("client", "server", t + 0.002, "A", seq=101, ack=501, **client)
    w.segment("client", "server", t + 0.003, "PA", seq=101, ack=501, data=HELLO, **client)
    if answer:
        w.segment("server", "client", t + 0.004, "PA", seq=501, ack=106, data=answer, **server)
    for number, side in enumerate(ends):
        at = t + 0.01 * (number + 1)
        if side == "client":
            w.segment("client", "server", at, "FA", seq=106, ack=501 + len(answer), **client)
        else:
            w.segment("server", "client", at, "FA", seq=501 + len(answer), ack=106, **server)


def run(
    right: bytes = HELLO,
    spins: bytes = b"",
    third_opens: bool = True,
    waited: str | None = "waited in vain 1000\n",
    goes_on: str | None = None,
    ends: str | None = "ECONNREFUSED",
    failed: str = "read failed\n",
    first: tuple[str, ...] = ("server",),
    last: bytes = b"",
    status: int | None = 0,
    accept: str = "accept: EINVAL\n",
    lost: tuple[str, ...] = ("server",),
    careful: tuple[int, ...] = (ECHO, ECHO),
    careless: tuple[int, ...] = (ECHO, STRANGER),
    shown: str = SHOWN,
) -> Evidence:
    """A correct history, but for what is changed.

    Args:
        right, spins: what the two servers answer the third client. third_opens: whether the second one's connects.
        waited, failed, accept, shown: what the faulty programs print.
        goes_on, ends: the errno of the second client's connect.
        first: who closes the first connection of the server with a table. last: the answer to its last client.
        status: the server's exit status.
        lost: who closes the connection whose accept fails.
        careful, careless: the ports that the two UDP clients send to.
    """
    w = Written(scenario="mistakes_in_listings")
    for port, answer in ((REAPS, right), (SPINS, spins)):
        visit(w, port, 40001, 0.1, HELLO)
        visit(w, port, 40002, 0.2, HELLO, ("client",))
        visit(w, port, 40003, 0.3, answer, opens=port == REAPS or third_opens)
    if waited is not None:
        w.program("server", 0.05, "echo_fork_spin", str(SPINS), number=1, exits=0.4, out=waited)
    for port, errno in ((GOES_ON, goes_on), (ENDS, ends)):
        w.call("client", 1.0, "connect", ["10.0.0.1", port], socket=port)
        w.call("client", 1.1, "connect", ["10.0.0.1", port], socket=port + 100, errno=errno)
    w.program("server", 0.9, "echo_end_error", str(ENDS), number=2, exits=1.05, status=1, out=failed)

    visit(w, TABLE, 40101, 2.0, HELLO, first)
    visit(w, TABLE, 40102, 2.1, last)
    w.program("server", 1.9, "echo_thread_table", str(TABLE), number=3, exits=2.2, status=status)

    w.program("server", 3.9, "echo_accept_length", str(LENGTH), number=6, exits=4.1, status=1, out=accept)
    visit(w, LENGTH, 40301, 4.0, b"", lost)
    for number, port in enumerate((*careful, *careless)):
        w.datagram("client", "server", 5.0 + number / 10, b"one\n", sport=40401, dport=port)
    w.program("client", 6.0, "show_addresses", exits=6.1, out=shown)
    return w.evidence()


WRONG: Named = [
    ("handler_waits_for_the_living", {"right": b""}),
    ("handler_waits_for_the_living", {"spins": HELLO}),
    ("handler_waits_for_the_living", {"third_opens": False}),
    ("handler_waits_for_the_living", {"waited": "waited in vain 7\n"}),
    ("end_taken_for_an_error", {"goes_on": "ECONNREFUSED"}),
    ("end_taken_for_an_error", {"ends": None}),
    ("end_taken_for_an_error", {"failed": "read done\n"}),
    ("table_is_full", {"first": ("client", "server")}),
    ("table_is_full", {"last": HELLO}),
    ("table_is_full", {"status": 1}),
    ("length_not_set", {"accept": "accept: EMFILE\n"}),
    ("whoever_answers", {"careful": (ECHO, STRANGER)}),
    ("whoever_answers", {"careless": (ECHO, ECHO)}),
    ("short_buffer", {"shown": "255.255.255.255 255.255.255.255\n10.0.0.255 10.0.0.255\n"}),
]
MISSING: Named = [
    ("handler_waits_for_the_living", {"waited": ""}),
    ("handler_waits_for_the_living", {"waited": None}),
    ("end_taken_for_an_error", {"failed": ""}),
    ("table_is_full", {"first": ()}),
    ("length_not_set", {"accept": ""}),
    ("length_not_set", {"lost": ()}),
]
test_verdicts = verdicts("mistakes_in_listings", run, wrong=WRONG, missing=MISSING)
