"""Datagrams that were sent in fragments, over IPv4 and IPv6."""

import pytest

from badwire.claims.check import HOLDS, UNKNOWN, never
from badwire.evidence import Evidence
from badwire.evidence.provenance import noting
from badwire.packets.checksum import checksums_right
from badwire.packets.packet import decode
from tests.claims import forged
from tests.claims.written import Written, ns

IPV4 = ("10.0.0.3", "10.0.0.2")
IPV6 = ("fe80::3", "fe80::2")
DATA = bytes(range(200))
both_versions = pytest.mark.parametrize("addresses", [IPV4, IPV6], ids=["IPv4", "IPv6"])


def pieces(w: Written, addresses: tuple[str, str], ident: int = 99, data: bytes = DATA) -> list[bytes]:
    ends = (w.mac("client"), w.mac("server"), *addresses)
    return forged.fragments(forged.udp(ends, (40001, 7000), data), 96, ident)


def sent(addresses: tuple[str, str], *order: int, lost: int | None = None, twice: bool = False) -> Evidence:
    """The fragments of one datagram, 0 to 2, sent in this order."""
    w = Written()
    fragments = pieces(w, addresses)
    for place, number in enumerate(order, 1):
        times = (place + 0.1, place + 10.1) if twice else (place + 0.1,)
        w.frame("client", "server", place, fragments[number], delivered=times, lost=number == lost)
    w.note(20, "later")
    return w.evidence()


@both_versions
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_datagram_is_put_together(addresses: tuple[str, str], order: tuple[int, ...]) -> None:
    run = sent(addresses, *order)
    (datagram,) = run.datagrams("client", to="server", port=7000)
    assert datagram.udp and (datagram.udp.captured, datagram.udp.data_length) == (DATA, len(DATA))
    assert datagram.sent_at == ns(1) and datagram.delivered_at == (ns(3.1),) and not datagram.damaged
    assert checksums_right(datagram.data) is True
    assert len(run.frames()) == 3
    assert never("another", run.datagrams(port=7001), run).verdict is HOLDS


@both_versions
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_datagram_is_lost_when_a_piece_is(addresses: tuple[str, str], lost: int) -> None:
    run = sent(addresses, 0, 1, 2, lost=lost)
    (datagram,) = run.datagrams()
    assert datagram.udp and datagram.udp.captured == DATA and datagram.delivered_at == ()


@both_versions
def test_a_datagram_that_was_duplicated(addresses: tuple[str, str]) -> None:
    (datagram,) = sent(addresses, 0, 1, 2, twice=True).datagrams()
    assert datagram.delivered_at == (ns(3.1), ns(13.1))


@both_versions
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_what_cannot_be_put_together_is_named(addresses: tuple[str, str], missing: int) -> None:
    run = sent(addresses, *(number for number in range(3) if number != missing))
    assert not run.datagrams()
    check = never("a datagram", run.datagrams(), run)
    assert check.verdict is UNKNOWN
    assert str(check.why) == (
        "one may have been missed: 2 fragments of client that cannot be put together (IP protocol 17, id 99)"
    )
    assert never("a datagram", run.datagrams(), run.wire).verdict is UNKNOWN
    later = run.phase("later")
    assert never("a datagram", later.datagrams(), later).verdict is HOLDS


@both_versions
def test_datagrams_whose_fragments_alternate(addresses: tuple[str, str]) -> None:
    w = Written()
    first, second = pieces(w, addresses, 1, DATA), pieces(w, addresses, 2, DATA[::-1])
    for place, pair in enumerate(zip(first, second, strict=True), 1):
        for piece in pair:
            w.frame("client", "server", place, piece)
    assert w.evidence().datagrams().map(lambda each: each.udp and each.udp.captured) == (DATA, DATA[::-1])


@both_versions
def test_an_id_that_is_used_again(addresses: tuple[str, str]) -> None:
    w = Written()
    for place, piece in enumerate([*pieces(w, addresses)[:2], *pieces(w, addresses, data=DATA[::-1])], 1):
        w.frame("client", "server", place, piece)
    run = w.evidence()
    (datagram,) = run.datagrams()
    assert datagram.udp and datagram.udp.captured == DATA[::-1]
    assert run.unseen == ("2 fragments of client that cannot be put together (IP protocol 17, id 99)",)


@both_versions
def test_a_damaged_piece_damages_the_datagram(addresses: tuple[str, str]) -> None:
    w = Written()
    for place, piece in enumerate(pieces(w, addresses), 1):
        arrives = forged.flip(piece, 8 * len(piece) - 1) if place == 2 else None
        w.frame("client", "server", place, piece, arrives_as=arrives)
    (datagram,) = w.evidence().datagrams()
    (damaged,) = datagram.damaged
    packet = decode(damaged)
    assert packet.udp and len(packet.udp.captured) == len(DATA) and packet.udp.captured != DATA


def test_the_page_shows_the_fragments_on_which_a_claim_was_judged() -> None:
    run = sent(IPV4, 0, 1, 2)
    with noting() as frames:
        run.datagrams()
    assert {id(frame) for frame in run.frames()} <= set(frames)
