"""Programs by their command line, and by what stood in the table of sockets while they ran."""

import pytest

from badwire.old.evidence import Evidence
from tests.claims.written import Written, sock

LEFT = sock("TIME_WAIT", 7000, 40001)


def tries(*runs: tuple[float, float, str], there: float, gone: float) -> Evidence:
    """try_bind on the server from, until, and what it said; a TIME_WAIT that was seen from ``there`` to ``gone``."""
    w = Written()
    w.sample("server", there, [LEFT])
    for number, (began, exits, out) in enumerate(runs, 1):
        w.program("server", began, "try_bind", "7000", number=number, exits=exits, out=out)
    w.sample("server", gone + 0.5, [], prev=gone)
    return w.evidence()


def test_by_the_last_words_of_the_command_line() -> None:
    w = Written()
    w.program("server", 1, "try_bind", "7000", exits=2, out="bind: EADDRINUSE\n")
    w.program("server", 3, "try_bind", "7000", "--reuseaddr", number=2, exits=4, out="bound 7000\n")
    seen = w.evidence()
    assert seen.said("server", "try_bind", 7000) == "bind: EADDRINUSE"
    assert seen.said("server", "try_bind", 7000, "--reuseaddr") == "bound 7000"
    assert seen.said("server", "try_bind", "--reuseaddr") == "bound 7000"
    assert seen.said("server", "try_bind", 7001) is None
    assert seen.programs("server", "try_bind", "a", "try_bind", 7000) is None  # more words than it has


def test_by_the_word_that_begins_the_line() -> None:
    w = Written()
    w.program("client", 1, "send_datagrams", exits=2, out="sent 3 lost 1\norder 0 2\nlost 1\nempty\n")
    seen = w.evidence()
    found = [
        seen.said("client", "send_datagrams", line=word) for word in ("sent", "order", "lost", "empty", "ord", "0")
    ]
    assert found == ["3 lost 1", "0 2", "1", "", None, None]
    assert seen.said("client", "other", line="order") is None


@pytest.mark.parametrize(
    "began, exits, there, gone, beside",
    [
        (2, 3, 1, 4, True),
        (2, 3, 2, 3, True),
        (2, 3, 2.5, 4, False),  # not seen before it started
        (2, 3, 1, 2.5, False),  # not seen after it had ended
    ],
)
def test_beside_a_socket_that_was_there_all_the_while(
    began: float, exits: float, there: float, gone: float, beside: bool
) -> None:
    seen = tries((began, exits, "bound 7000\n"), there=there, gone=gone)
    assert (seen.said("server", "try_bind", beside=("TIME_WAIT", 7000)) == "bound 7000") is beside
    assert seen.said("server", "try_bind", beside=("TIME_WAIT", 7001)) is None
    assert seen.said("server", "try_bind", beside=("FIN_WAIT_2", 7000)) is None


def test_two_stays_one_after_the_other_are_not_one() -> None:
    w = Written()
    w.sample("server", 1, [sock("FIN_WAIT_2", 7000, 40001)])
    w.program("server", 2, "try_bind", "7000", exits=4, out="bound 7000\n")
    w.sample("server", 3, [LEFT])
    w.sample("server", 6, [], prev=5)
    assert w.evidence().said("server", "try_bind", beside=("TIME_WAIT", 7000)) is None


def test_a_program_that_was_not_seen_to_end_ran_beside_nothing() -> None:
    w = Written()
    w.sample("server", 1, [LEFT])
    w.program("server", 2, "try_bind", "7000")
    w.sample("server", 6, [], prev=5)
    assert w.evidence().programs("server", beside=("TIME_WAIT", 7000)) is None


def test_of_several_the_ones_beside_it_are_found() -> None:
    seen = tries((1, 2, "early\n"), (4, 5, "right\n"), (8, 9, "late\n"), there=3, gone=6)
    assert seen.said("server", "try_bind", beside=("TIME_WAIT", 7000)) == "right"


def test_sockets_side_by_side() -> None:
    w = Written()
    w.sample("server", 1, [LEFT])
    w.sample("server", 2, [LEFT, sock("LISTEN", 7001)])
    w.sample("server", 3, [LEFT, sock("LISTEN", 7000)])
    sockets = w.evidence().sockets("server")
    assert len(sockets.together("LISTEN", "TIME_WAIT") or ()) == 2
    assert len(sockets.together("LISTEN", "TIME_WAIT", port=7000) or ()) == 1
    assert sockets.together("LISTEN", "FIN_WAIT_2") is None
