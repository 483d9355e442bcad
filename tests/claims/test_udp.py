"""The claims of udp on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.udp import MANY, NOBODY, WHOLE
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("udp").claims}
LOSS = "a_lost_datagram_stays_lost_however_long_one_waits"
CHAOS = "copies_and_disorder_reach_the_program"
WHOLES = "boundaries_are_kept_where_tcp_joins_and_what_is_too_long_is_cut"
NAMES = "the_client_gets_its_port_but_no_address_at_its_first_sendto"
REFUSAL = "a_port_where_nobody_is_answers_by_icmp_and_only_a_connected_socket_hears_of_it"

PORT, PEER = 40001, ["10.0.0.3", 40001]
TWICE = " ".join(f"{n} {n}" for n in range(MANY))
ORDER = " ".join(map(str, range(MANY)))
LATE = " ".join(map(str, [*range(1, MANY), 0]))


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None is for what is missing."""
    it = {
        "sent": MANY, "lost": (1,), "again": (), "took": 3.1, "whole": True, "twice": TWICE, "late": LATE,
        "got": (b"ab", b"cdef", b"long", b"next"), "joined": (b"abcdeflongernext",),
        "names": (["0.0.0.0", 0], ["0.0.0.0", PORT]), "datagram": True,
        "icmp": (3, 3), "unheard": "order\nlost 0", "heard": "recvfrom: ECONNREFUSED",
    }  # fmt: skip
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="udp")

    def asked(t: float, number: int, out: str | None, *args: object, took: float = 0.5) -> None:
        if out is not None:
            argv = "10.0.0.2", *map(str, args)
            w.program("client", t, "send_datagrams", *argv, number=number, exits=t + took, out=f"port 4000\n{out}\n")

    w.note(1, "lost")
    asked(1.1, 1, "lost 1", 7001, "--stay", took=it["took"]) if it["took"] is not None else None
    for number in (*range(it["sent"]), *it["again"]):
        late = number in it["again"] and number in it["lost"]
        w.datagram(
            "client", "server", 1.2 + 0.001 * number + late, b"%d" % number, lost=number in it["lost"] and not late
        )
    for number, (note, order) in enumerate((("twice", it["twice"]), ("late", it["late"])), 1):
        w.note(5 * number, note)
        asked(5 * number + 1, 1 + number, order and f"sent\norder {order}", 7001, "--stay")
    for t, name in zip((20.1, 20.4), it["names"], strict=False):
        w.call("client", t, "getsockname", value=name)
    if it["datagram"]:
        w.datagram("client", "server", 20.2, b"ab", sport=PORT, dport=WHOLE)
    for number, data in enumerate(it["got"]):
        w.call("server", 20.5 + number / 100, "recvfrom", 100, value=[data, PEER])
    for data in it["joined"]:
        w.call("server", 20.7, "recv", 100, value=data, socket=2)
    for number, out in ((4, it["unheard"]), (5, it["heard"])):
        asked(17 + number, number, out, NOBODY, "--count", 1, *("--connect",) * (number == 5))
        about = w.datagram("client", "server", 17.1 + number, b"x", sport=PORT, dport=NOBODY)
        if it["icmp"] is not None:
            w.unreachable("server", "client", 17.2 + number, about, code=it["icmp"][1])
    w.dropped = 0 if it["whole"] else 1
    return w.evidence()


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


def test_which_one_is_lost_does_not_matter() -> None:
    """While the server's address is still being resolved the kernel may send a later datagram before the first."""
    assert outcome(LOSS, run(lost=(0,))) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (LOSS, {"again": (1,)}),  # the lost one
    (LOSS, {"again": (7,)}),  # one that had come
    (LOSS, {"lost": (1, 2)}),
    (LOSS, {"lost": ()}),
    (LOSS, {"took": 2.9}),
    (CHAOS, {"twice": ORDER}),
    (CHAOS, {"late": ORDER}),
    (WHOLES, {"got": (b"abcdef", b"long", b"next")}),
    (WHOLES, {"got": (b"ab", b"cdef", b"long", b"er", b"next")}),
    (WHOLES, {"joined": (b"ab",)}),
    (NAMES, {"names": (["0.0.0.0", 40001], ["0.0.0.0", PORT])}),
    (NAMES, {"names": (["0.0.0.0", 0], ["0.0.0.0", 0])}),
    (NAMES, {"names": (["0.0.0.0", 0], ["0.0.0.0", 40002])}),
    (NAMES, {"names": (["0.0.0.0", 0], ["10.0.0.3", PORT])}),
    (REFUSAL, {"icmp": (3, 1)}),
    (REFUSAL, {"unheard": "order 0\nlost 1"}),
    (REFUSAL, {"heard": "recvfrom: EHOSTUNREACH"}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (LOSS, {"sent": 0, "lost": ()}),
    (LOSS, {"whole": False}),
    (LOSS, {"took": None}),
    (CHAOS, {"twice": None}),
    (CHAOS, {"late": None}),
    (WHOLES, {"got": ()}),
    (WHOLES, {"joined": ()}),
    (NAMES, {"names": ()}),
    (NAMES, {"datagram": False}),
    (REFUSAL, {"icmp": None}),
    (REFUSAL, {"heard": None}),
    (REFUSAL, {"unheard": "recvfrom: ECONNREFUSED"}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
