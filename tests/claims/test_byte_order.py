"""The claims of byte_order on histories written by hand: right, wrong in one thing at a time, with things missing."""

from dataclasses import replace

from badwire.evidence import Evidence
from scenarios.byte_order import FORGET, IN_HEADER, IN_MEMORY, PORT, SWAPPED
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

SERVER = "10.0.0.2"
CLIENT = "10.0.0.3"
ACCEPTED = (CLIENT, 40001)


def run(
    order: str | None = "little",
    port: str | None = "591b as 1b59",
    address: str | None = "0a000002",
    connected: str | None = f"{SERVER} {PORT}",
    accepted: tuple[str, int] | None = ACCEPTED,
    reversed_addresses: bool = False,
    status: int = 0,
    connected_without: str | None = f"{SERVER} {SWAPPED}",
    swapped: bool = True,
    answered: bool = True,
    also_intended: bool = False,
    little: str | None = "0201 cast 2",
    big: str | None = "0102 cast 2",
    inet_pton: tuple[str, str, str] | None = ("1", "0", "-1 EAFNOSUPPORT"),
) -> Evidence:
    """A correct history, but for what is changed; None for what is missing.

    Args:
        order, port, address, connected: lines of the client's output.
        accepted: what accept returned as the client's address and port.
        reversed_addresses: the addresses in the first SYN have their least significant byte first.
        status, connected_without: exit status and output of the client without htons.
        swapped, answered: it connects to the port with swapped bytes, and that is answered.
        also_intended: it connects to the intended port too.
        little, big: lines of the client's output.
        inet_pton: what it returns for an address, for another text, and with another family.
    """
    w = Written(scenario="byte_order")
    out = line("order", order) + line("port", port) + line("address", address) + line("connected", connected)
    out += line("little", little) + line("big", big)
    if inet_pton is not None:
        words = ("inet_pton", "inet_pton-text", "inet_pton-family")
        out += "".join(map(line, words, inet_pton))
    w.program("client", 1, "network_order", SERVER, str(PORT), exits=1.5, out=out)
    connect(w, 1.1, 40001, PORT)
    if reversed_addresses:  # of the first SYN, as it was sent and as it was delivered
        w.captured[:2] = [replace(each, data=with_reversed_addresses(each.data)) for each in w.captured[:2]]
    if accepted is not None:
        w.call("server", 1.6, "accept", value=[2, list(accepted)])
    w.program(
        "client", 2, "network_order", SERVER, str(PORT), FORGET, number=2, exits=2.5, status=status,
        out=line("connected", connected_without),
    )  # fmt: skip
    if swapped:
        connect(w, 2.1, 40002, SWAPPED, answered)
    if also_intended:
        connect(w, 2.3, 40003, PORT)
    return w.evidence()


def line(word: str, rest: str | None) -> str:
    return "" if rest is None else f"{word} {rest}\n"


def connect(w: Written, t: float, client_port: int, port: int, answered: bool = True) -> None:
    """A handshake, or its first segment only."""
    w.segment("client", "server", t, "S", seq=100, sport=client_port, dport=port)
    if answered:
        w.segment("server", "client", t + 0.01, "SA", seq=500, ack=101, sport=port, dport=client_port)
        w.segment("client", "server", t + 0.02, "A", seq=101, ack=501, sport=client_port, dport=port)


def with_reversed_addresses(frame: bytes) -> bytes:
    source = frame[26:30]
    destination = frame[30:34]
    return frame[:26] + source[::-1] + destination[::-1] + frame[34:]


def test_the_bytes_in_the_constants_are_those_of_the_port() -> None:
    assert PORT.to_bytes(2, "little").hex() == IN_MEMORY["little"]
    assert PORT.to_bytes(2, "big").hex() == IN_MEMORY["big"] == IN_HEADER
    assert PORT.to_bytes(2, "big") == SWAPPED.to_bytes(2, "little")


WRONG: Named = [
    ("in_the_headers", {"reversed_addresses": True}),
    ("htons", {"port": "1b59 as 1b59"}),
    ("htons", {"port": "591b as 591b"}),
    ("htons", {"order": "big"}),
    ("cast_tells_nothing", {"little": "0201 cast 1"}),
    ("cast_tells_nothing", {"big": "0102 cast 1"}),
    ("results_of_inet_pton", {"inet_pton": ("0", "0", "-1 EAFNOSUPPORT")}),
    ("results_of_inet_pton", {"inet_pton": ("1", "-1 EINVAL", "-1 EAFNOSUPPORT")}),
    ("results_of_inet_pton", {"inet_pton": ("1", "0", "0")}),
    ("inet_pton", {"address": "0200000a"}),
    ("inet_pton", {"connected": f"2.0.0.10 {PORT}"}),
    ("inet_pton", {"connected": f"{SERVER} {SWAPPED}"}),
    ("inet_pton", {"accepted": (CLIENT, 16796)}),
    ("inet_pton", {"accepted": ("3.0.0.10", 40001)}),
    ("forgotten", {"connected_without": f"{SERVER} {PORT}"}),
    ("forgotten", {"status": 1}),
    ("forgotten", {"also_intended": True}),
]
MISSING: Named = [
    ("htons", {"order": None}),
    ("htons", {"order": "middle"}),
    ("htons", {"port": None}),
    ("cast_tells_nothing", {"little": None}),
    ("cast_tells_nothing", {"big": None}),
    ("results_of_inet_pton", {"inet_pton": None}),
    ("inet_pton", {"address": None}),
    ("inet_pton", {"connected": None}),
    ("inet_pton", {"accepted": None}),
    ("forgotten", {"connected_without": None}),
    ("forgotten", {"swapped": False}),
    ("forgotten", {"answered": False}),
]
test_verdicts = verdicts("byte_order", run, wrong=WRONG, missing=MISSING)
