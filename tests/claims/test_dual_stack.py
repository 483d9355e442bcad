"""The claims of dual_stack on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Sequence

from badwire.evidence import Evidence
from scenarios.dual_stack import BOTH, FOUR_FIRST, LATE, MAPPED, ONLY_SIX, SHARED, TWICE, V6ONLY
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

SIX, FOUR = "fd00::3", "10.0.0.3"  # of the client
MAPPED_CLIENT = MAPPED + FOUR
OWN_SIX, OWN_FOUR = "fd00::2", "10.0.0.2"  # of the server
MAPPED_SERVER = MAPPED + OWN_FOUR
IN_USE = "EADDRINUSE"
# Numbers of the server's sockets
LISTENER, LISTENER_SIX, FIRST, SECOND, OVER_SIX, OVER_FOUR, FIRST_FOUR, SECOND_SIX, UNBOUND = range(1, 10)


def run(
    v6only: int | None = 0,
    peers: Sequence[str] = (SIX, MAPPED_CLIENT, MAPPED_CLIENT),
    own: Sequence[str] = (OWN_SIX, MAPPED_SERVER, MAPPED_SERVER),
    versions: Sequence[int] = (6, 4, 4),
    mapped_segments: bool = False,
    seen_peer: str | None = MAPPED_SERVER,
    outcome: str | None = "ECONNREFUSED",
    reset_of: int | None = 4,
    second: str | None = IN_USE,
    six_second: str | None = IN_USE,
    shared: Sequence[str | None] = (None, None),
    six_takes: str | None = SIX,
    four_takes: str | None = FOUR,
    late: str | None = "EINVAL",
    late_is_set: bool = True,
    early: str | None = None,
) -> Evidence:
    """A correct history, but for what is changed; None is for what is missing, and in ``shared`` and ``early`` success.

    Args:
        v6only: what getsockopt returns; peers, own: the addresses that accept and getsockname return.
        versions: of IP, of the connections to the first port.
        mapped_segments: from the second connection on, segments of IPv6 have v4-mapped addresses.
        seen_peer: what getpeername of the client returns.
        outcome: of the second connect to a socket with IPV6_V6ONLY; reset_of: the version of IP of the reset.
        second, six_second: the outcome of the second bind, of 0.0.0.0 and of ::.
        shared: the outcomes of both binds with IPV6_V6ONLY; six_takes, four_takes: the client of each.
        late, early: the outcome of setsockopt after bind and before.
    """
    w = Written(scenario="dual_stack", ipv6=True)
    w.call("server", 0.1, "bind", ["::", BOTH], socket=LISTENER)
    if v6only is not None:
        w.call("server", 0.15, "getsockopt", *V6ONLY, value=v6only, socket=LISTENER)
    for place, version in enumerate(versions):
        if mapped_segments and place == 1:
            w.hosts6.update(client=MAPPED_CLIENT, server=MAPPED_SERVER)
        open_connection(w, 0.2 + place / 10, BOTH, version, 40001 + place)
    w.hosts6.update(client=SIX, server=OWN_SIX)
    for place, peer in enumerate(peers):
        w.call("server", 0.25 + place / 10, "accept", value=[20 + place, [peer, 40001, 0, 0]], socket=LISTENER)
    for place, address in enumerate(own):
        w.call("server", 0.26 + place / 10, "getsockname", value=[address, BOTH, 0, 0], socket=20 + place)
    for place, seen in enumerate((OWN_SIX, OWN_FOUR, seen_peer)):
        if seen is not None:
            w.call("client", 0.27 + place / 10, "getpeername", value=[seen, BOTH], socket=1 + place)

    w.call("server", 1.0, "setsockopt", *V6ONLY, 1, socket=LISTENER_SIX, errno=early)
    w.call("server", 1.1, "bind", ["::", ONLY_SIX], socket=LISTENER_SIX)
    open_connection(w, 1.2, ONLY_SIX, 6, 40011)
    open_connection(w, 1.3, ONLY_SIX, 4, 40012, refused=True)
    w.call("client", 1.2, "connect", [OWN_SIX, ONLY_SIX], socket=11)
    if outcome is not None:
        w.call(
            "client", 1.3, "connect", [OWN_FOUR, ONLY_SIX], socket=12, errno=None if outcome == "success" else outcome
        )
    if reset_of is not None:
        w.version = reset_of
        w.segment("server", "client", 1.35, "RA", sport=ONLY_SIX, dport=40012, ack=1)

    bind(w, 2.0, FIRST, "::", TWICE)
    bind(w, 2.1, SECOND, "0.0.0.0", TWICE, second)
    bind(w, 2.2, FIRST_FOUR, "0.0.0.0", FOUR_FIRST)
    bind(w, 2.3, SECOND_SIX, "::", FOUR_FIRST, six_second)

    for number, (address, errno) in {OVER_SIX: ("::", shared[0]), OVER_FOUR: ("0.0.0.0", shared[1])}.items():
        w.call("server", 3.0 + number / 100, "bind", [address, SHARED], socket=number, errno=errno)
    if six_takes is not None:
        w.call("server", 3.2, "accept", value=[30, [six_takes, 40021, 0, 0]], socket=OVER_SIX)
    if four_takes is not None:
        w.call("server", 3.3, "accept", value=[31, [four_takes, 40022]], socket=OVER_FOUR)

    w.call("server", 4.0, "bind", ["::", LATE], socket=UNBOUND)
    if late_is_set:
        w.call("server", 4.1, "setsockopt", *V6ONLY, 1, socket=UNBOUND, errno=late)
    return w.evidence()


def bind(w: Written, t: float, socket: int, address: str, port: int, outcome: str | None = "success") -> None:
    """A call of bind on the server; none if its outcome is None."""
    if outcome is not None:
        errno = None if outcome == "success" else outcome
        w.call("server", t, "bind", [address, port], socket=socket, errno=errno)


def open_connection(w: Written, t: float, port: int, version: int, sport: int, refused: bool = False) -> None:
    """The client's SYN, and the rest of the handshake if it is not refused."""
    w.version = version
    w.segment("client", "server", t, "S", dport=port, sport=sport)
    if not refused:
        w.segment("server", "client", t + 0.01, "SA", ack=1, sport=port, dport=sport)
        w.segment("client", "server", t + 0.02, "A", seq=1, ack=1, dport=port, sport=sport)


WRONG: Named = [
    ("takes_both", {"v6only": 1}),
    ("takes_both", {"peers": (SIX, FOUR, MAPPED_CLIENT)}),
    ("takes_both", {"peers": (SIX, MAPPED_CLIENT)}),
    ("takes_both", {"own": (OWN_SIX, OWN_SIX, MAPPED_SERVER)}),
    ("plain_ipv4_on_the_wire", {"versions": (6, 6, 4)}),
    ("plain_ipv4_on_the_wire", {"versions": (6, 4)}),
    ("plain_ipv4_on_the_wire", {"versions": (6, 6, 6), "mapped_segments": True}),
    ("plain_ipv4_on_the_wire", {"seen_peer": OWN_FOUR}),
    ("only_ipv6", {"outcome": "success"}),
    ("only_ipv6", {"outcome": "ETIMEDOUT"}),
    ("only_ipv6", {"reset_of": 6}),
    ("in_the_way", {"second": "success"}),
    ("in_the_way", {"six_second": "success"}),
    ("side_by_side", {"shared": (None, IN_USE)}),
    ("side_by_side", {"six_takes": MAPPED_CLIENT}),
    ("side_by_side", {"four_takes": SIX}),
    ("before_bind", {"late": None}),
    ("before_bind", {"late": "EPERM"}),
    ("before_bind", {"early": "EINVAL"}),
]
MISSING: Named = [
    ("takes_both", {"v6only": None}),
    ("takes_both", {"peers": ()}),
    ("takes_both", {"own": ()}),
    ("plain_ipv4_on_the_wire", {"versions": ()}),
    ("plain_ipv4_on_the_wire", {"seen_peer": None}),
    ("only_ipv6", {"reset_of": None}),
    ("side_by_side", {"six_takes": None}),
    ("side_by_side", {"four_takes": None}),
    ("before_bind", {"late_is_set": False}),
]
test_verdicts = verdicts("dual_stack", run, wrong=WRONG, missing=MISSING)
