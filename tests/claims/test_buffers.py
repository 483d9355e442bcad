"""The claims of buffers on evidence written by hand: right, wrong in one thing at a time, with things missing."""

from typing import Any

import pytest

from badwire.old.claims import FAILS, HOLDS, UNKNOWN, Outcome, judge
from badwire.old.evidence import Evidence
from badwire.scenario import load
from scenarios.buffers import FEW, MANY, MOST, PINNED, SOME
from tests.claims.written import Written

CLAIMS = {each.name: each for each in load("buffers").claims}
TYPE = "the_type_is_that_with_which_the_socket_was_made_and_cannot_be_set"
AT_FIRST = "at_first_they_are_what_tcp_wmem_and_tcp_rmem_say"
DOUBLED = "what_is_asked_for_comes_back_doubled"
LEAST = "there_is_room_for_two_packets_to_send_and_for_one_to_receive_however_little_is_asked_for"
CEILING = "there_is_a_most_however_much_is_asked_for"
GROWS = "a_size_that_nobody_set_grows_with_the_connection_and_one_that_was_set_stays"
SAID: dict[str, str | None] = {
    "tcp": "sndbuf 16384 rcvbuf 131072", "tcp-type": "1", "tcp-set-type": "ENOPROTOOPT",
    "udp": "sndbuf 212992 rcvbuf 212992", "udp-type": "2", "udp-set-type": "ENOPROTOOPT",
    f"{FEW}": "sndbuf 4608 rcvbuf 2304", f"{SOME}": "sndbuf 20000 rcvbuf 20000",
    f"{MANY}": "sndbuf 425984 rcvbuf 425984", f"{MOST}": "sndbuf 425984 rcvbuf 425984",
}  # fmt: skip


def run(**wrong: Any) -> Evidence:
    """A run as it should be, but for what is named; None for what is missing."""
    it: dict[str, Any] = {"said": {}, "sysctls": PINNED, "values": (16384, 46080, 20000, 20000)}
    assert not wrong.keys() - it.keys()
    it |= wrong
    w = Written(scenario="buffers", sysctls=dict(it["sysctls"]))
    out = "".join(f"{line} {rest}\n" for line, rest in {**SAID, **it["said"]}.items() if rest is not None)
    w.program("client", 1, "probe_socket", f"{FEW}", f"{SOME}", exits=1.2, out=out)
    for n, value in enumerate(it["values"]):
        w.call("client", 2 + n, "getsockopt", "SOL_SOCKET", "SO_SNDBUF", value=value, socket=1 + n // 2)
    return w.evidence()


def said(line: object, rest: str | None) -> dict[str, Any]:
    """All as it should be, but for one line of the program's."""
    return {"said": {f"{line}": rest}}


def outcome(name: str, seen: Evidence) -> Outcome:
    return judge([CLAIMS[name]], seen)[0].verdict.outcome


@pytest.mark.parametrize("name", CLAIMS)
def test_it_holds_for_a_right_record(name: str) -> None:
    assert outcome(name, run()) is HOLDS


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_unknown_where_nothing_was_seen(name: str) -> None:
    assert outcome(name, Written().evidence()) is UNKNOWN


WRONG: list[tuple[str, dict[str, Any]]] = [
    (TYPE, said("tcp-type", "2")),
    (TYPE, said("udp-set-type", "done")),
    (AT_FIRST, said("tcp", "sndbuf 4096 rcvbuf 131072")),
    (AT_FIRST, said("tcp", "sndbuf 16384 rcvbuf 4096")),
    (DOUBLED, said(SOME, "sndbuf 10000 rcvbuf 20000")),
    (DOUBLED, said(SOME, "sndbuf 20000 rcvbuf 10000")),
    (LEAST, said(FEW, "sndbuf 2 rcvbuf 2")),
    (LEAST, said(FEW, "sndbuf 4608 rcvbuf 256")),
    (LEAST, said(FEW, "sndbuf 2048 rcvbuf 2304")),
    (CEILING, said(MOST, "sndbuf 4294967294 rcvbuf 425984")),
    (GROWS, {"values": (16384, 16384, 20000, 20000)}),
    (GROWS, {"values": (16384, 46080, 20000, 46080)}),
    (GROWS, {"values": (16384, 46080, 10000, 10000)}),
]


@pytest.mark.parametrize(("name", "wrong"), WRONG)
def test_it_fails_for_a_wrong_record(name: str, wrong: dict[str, Any]) -> None:
    assert outcome(name, run(**wrong)) is FAILS


def test_every_claim_has_a_record_that_makes_it_fail() -> None:
    assert {name for name, _ in WRONG} == CLAIMS.keys()


MISSING: list[tuple[str, dict[str, Any]]] = [
    (TYPE, said("udp-type", None)),
    (AT_FIRST, said("tcp", None)),
    (AT_FIRST, {"sysctls": {}}),
    (DOUBLED, said(SOME, None)),
    (LEAST, said(FEW, None)),
    (CEILING, said(MANY, None)),
    (GROWS, {"values": (16384, 46080)}),
]


@pytest.mark.parametrize(("name", "missing"), MISSING)
def test_it_is_unknown_where_what_it_needs_is_missing(name: str, missing: dict[str, Any]) -> None:
    assert outcome(name, run(**missing)) is UNKNOWN
