"""Sockets as samples show them: every length of time with what is not known about it."""

import math
from typing import Any

import pytest

from badwire.old.claims import Span
from badwire.old.evidence import NothingSeen
from badwire.old.evidence.sockets import Sockets
from tests.claims.written import Written, ns, sock

LISTEN = sock("LISTEN", inode=5)


def on_server(*looks: tuple[float, float, list[dict[str, Any]]]) -> Sockets:
    """Looks as (previous look, look, table)."""
    w = Written()
    for prev, t, table in looks:
        w.sample("server", t, table, prev=prev)
    return w.evidence().sockets("server")


def wait(remote_port: int = 40001, state: str = "TIME_WAIT") -> dict[str, Any]:
    return sock(state, 7000, remote_port)


def test_time_in_a_state_is_a_span() -> None:
    seen = on_server((0, 1, [LISTEN]), (1.5, 2, [LISTEN, wait()]), (63.5, 63.75, [LISTEN]))
    assert seen.time_in("TIME_WAIT") == Span(63.5 - 2, 63.75 - 1.5)
    assert seen.sample_gap == 1
    assert seen.time_in("CLOSE_WAIT") is None and seen.time_in("TIME_WAIT", port=7001) is None
    assert seen.time_in("TIME_WAIT", remote_port=40001) is not None


def test_other_changes_do_not_end_a_stay() -> None:
    seen = on_server((1, 2, [wait()]), (9, 10, [wait(), wait(40002)]), (62, 63, [wait(40002)]))
    stays = seen.stays("TIME_WAIT")
    assert stays and [stay.span for stay in stays] == [Span(60, 62), Span(53, math.inf)]


def test_what_has_not_ended_has_no_longest_time() -> None:
    seen = on_server((1, 2, [wait()]), (30, 31, [wait(), LISTEN]))
    assert seen.time_in("TIME_WAIT") == Span(29, math.inf)


def test_what_a_look_does_not_find_any_more_is_gone() -> None:
    histories = on_server((1, 2, [wait(1), wait(2)]), (9, 10, [wait(2)])).histories("TIME_WAIT")
    assert histories and [each.gone for each in histories] == [True, False]


def test_several_stays_give_the_widest_span() -> None:
    seen = on_server((1, 2, [wait(1), wait(2)]), (9, 10, [wait(2)]), (20, 21, []))
    assert seen.time_in("TIME_WAIT") == Span(7, 20)


def test_a_change_between_two_adjacent_looks_is_no_negative_time() -> None:
    seen = on_server((1, 2, [wait(state="FIN_WAIT_2")]), (1.9, 2.1, [wait()]), (5, 6, []))
    assert seen.time_in("FIN_WAIT_2") == Span(0, 1.1)


def test_the_states_in_order() -> None:
    path = ["SYN_RECV", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"]
    looks = [(t - 0.5, float(t), [LISTEN, wait(state=state)]) for t, state in enumerate(path, 1)]
    seen = on_server(*looks, (10, 11, [LISTEN]))
    assert seen.states(port=7000) == tuple(path)
    histories = seen.histories(port=7000)
    assert histories and [each.states for each in histories] == [("LISTEN",), tuple(path)]


def test_the_same_ports_again_are_another_history() -> None:
    seen = on_server((0, 1, [wait()]), (2, 3, []), (4, 5, [wait(state="ESTABLISHED")]))
    histories = seen.histories()
    assert histories and [each.states for each in histories] == [("TIME_WAIT",), ("ESTABLISHED",)]


def test_listeners_that_share_a_port_are_told_apart() -> None:
    seen = on_server((0, 1, [sock("LISTEN", inode=1), sock("LISTEN", inode=2)]), (2, 3, [sock("LISTEN", inode=2)]))
    found = seen.histories("LISTEN")
    assert found and len(found) == 2 and seen.most("LISTEN") == 2


def test_counting_at_a_time() -> None:
    seen = on_server((0, 1, [LISTEN, wait(1)]), (5, 6, [LISTEN, wait(1), wait(2)]), (9, 10, [LISTEN]))
    assert seen.count("TIME_WAIT", ns(0.5)) is None  # before the first look
    assert seen.count("TIME_WAIT", ns(1)) == seen.count("TIME_WAIT", ns(4)) == 1
    assert seen.count("TIME_WAIT", ns(5.5)) is None  # it changed at some time from 5 to 6
    assert seen.count("TIME_WAIT", ns(6)) == 2
    assert seen.count("TIME_WAIT", ns(20)) == 0 and seen.count("TIME_WAIT", ns(20), port=9) == 0
    assert seen.most("TIME_WAIT") == 2 and seen.most("LISTEN", port=7000) == 1


def test_tcp_info_comes_along() -> None:
    seen = on_server((0, 1, [sock("ESTABLISHED", 7000, 40001, info={"rto": 204000, "snd_cwnd": 10})]))
    table = seen.table(ns(1))
    assert table and table[0].info["rto"] == 204000 and table[0].local == ("10.0.0.2", 7000)


def test_a_state_that_there_is_not() -> None:
    seen = on_server((0, 1, [LISTEN]))
    with pytest.raises(ValueError, match="no such state: TIMEWAIT"):
        seen.time_in("TIMEWAIT")
    with pytest.raises(ValueError, match="no such state"):
        seen.most("ESTAB")


def test_a_host_that_was_never_looked_at() -> None:
    with pytest.raises(NothingSeen, match="no look at the sockets of client is on record"):
        Written().evidence().sockets("client")


def test_fields_of_tcp_info_one_after_the_other() -> None:
    def look(mss: int, state: str = "ESTABLISHED") -> list[dict[str, Any]]:
        return [sock(state, 7000, 40001, info={"pmtu": 1500, "snd_mss": mss})]

    tables = look(524, "SYN_SENT"), look(1448), look(1448), look(1024), look(1448), look(1000, "FIN_WAIT_1")
    histories = on_server(*((t, t + 0.5, table) for t, table in enumerate(tables))).histories()
    assert histories and histories[0].info("ESTABLISHED", "snd_mss") == ((1448,), (1024,), (1448,))
    assert histories[0].info("SYN_SENT", "pmtu", "snd_mss", "more") == ((1500, 524, None),)
    assert histories[0].info("TIME_WAIT", "snd_mss") == ()


def test_the_queue_for_accept_as_its_listener_tells_it() -> None:
    full, more = sock("LISTEN", inode=5, rqueue=4, wqueue=3), sock("LISTEN", 7001, inode=6, wqueue=128)
    seen = on_server((0, 1, [sock("LISTEN", inode=5, rqueue=2, wqueue=3)]), (1, 2, [full, more]), (2, 3, [LISTEN]))
    assert seen.accept_queue(7000) == (4, 3)
    assert seen.accept_queue(7001) == (0, 128)
    assert seen.accept_queue(7002) is None


def test_sockets_that_a_program_holds_and_those_that_wait_for_accept() -> None:
    waiting, taken = wait(state="ESTABLISHED"), sock("ESTABLISHED", 7000, 40002, inode=9)
    seen = on_server((0, 1, [waiting, taken, wait(40003, "ESTABLISHED")]), (1, 2, [taken]))
    assert seen.most("ESTABLISHED", 7000, owned=False) == 2
    assert seen.most("ESTABLISHED", 7000, owned=True) == 1
    assert seen.most("ESTABLISHED", 7001, owned=True) == 0
