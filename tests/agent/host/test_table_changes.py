"""What a sample records of a socket table: what differs from the sample before."""

from typing import Any

import pytest

from badwire.agent.host.table_changes import TableChange, TableChanges
from tests.claims.forged import sock
from tests.quick import no_leftovers as no_leftovers

MS = 1_000_000
S = 1_000 * MS
TICK = 4 * MS
Table = list[dict[str, Any]]


def waiting(left: int, port: int = 40001, **more: Any) -> dict[str, Any]:
    """A socket in TIME_WAIT whose timer has ``left`` ms left."""
    return sock("TIME_WAIT", port, 7000, timer="time_wait", expires_ms=left, **more)


class Sampled:
    """Tables that are compared in turn, each read at a time in ns."""

    def __init__(self) -> None:
        self._changes = TableChanges(TICK)

    def __call__(self, t: int, table: Table, took: int = 0) -> TableChange:
        return self._changes.update(table, t - took, t)


def states(change: TableChange) -> list[tuple[int, str]]:
    return [(entry["id"], entry["state"]) for entry in change.sockets]


def test_what_is_new_what_has_changed_and_what_is_gone() -> None:
    sampled = Sampled()
    listener, other = sock("LISTEN", inode=5), sock("ESTABLISHED", 7000, 40002)
    first = sampled(1, [listener, sock("ESTABLISHED", 7000, 40001), other])
    assert (states(first), first.gone, first.size) == (
        [(1, "LISTEN"), (2, "ESTABLISHED"), (3, "ESTABLISHED")],
        [],
        3,
    )
    second = sampled(2, [other, sock("FIN_WAIT_1", 7000, 40001), sock("SYN_RECV", 7000, 40003)])
    assert (states(second), second.gone, second.size) == ([(2, "FIN_WAIT_1"), (4, "SYN_RECV")], [1], 3)
    assert not second.is_empty


def test_a_table_that_is_the_same_in_another_order_has_not_changed() -> None:
    sampled = Sampled()
    table = [sock("LISTEN", inode=5), sock("ESTABLISHED", 7000, 40001, info={"snd_cwnd": 10})]
    sampled(1, table)
    again = sampled(2, [dict(entry) for entry in reversed(table)])
    assert again.is_empty
    assert again.size == 2


def test_a_socket_that_comes_again_has_another_id() -> None:
    sampled = Sampled()
    sampled(1, [waiting(60_000)])
    assert sampled(2, []).gone == [1]
    assert states(sampled(3, [waiting(60_000)])) == [(2, "TIME_WAIT")]


def test_a_connection_keeps_its_id_when_a_program_accepts_it() -> None:
    sampled = Sampled()
    sampled(1, [sock("ESTABLISHED", 7000, 40001)])
    assert states(sampled(2, [sock("ESTABLISHED", 7000, 40001, inode=9)])) == [(1, "ESTABLISHED")]


def test_listeners_that_share_a_port_are_distinguished_by_inode() -> None:
    assert states(Sampled()(1, [sock("LISTEN", inode=1), sock("LISTEN", inode=2)])) == [(1, "LISTEN"), (2, "LISTEN")]


def test_of_a_socket_that_was_read_twice_the_last_entry_counts() -> None:
    change = Sampled()(1, [sock("FIN_WAIT_2", 7000, 40001), sock("TIME_WAIT", 7000, 40001)])
    assert (states(change), change.size) == ([(1, "TIME_WAIT")], 1)


@pytest.mark.parametrize("later", [1, 999, 30_000, 59_999, 60_000, 61_000], ids=lambda ms: f"{ms} ms")
def test_a_timer_that_runs_down_is_no_change(later: int) -> None:
    """Also when it is late, and has no time left."""
    sampled = Sampled()
    sampled(S, [waiting(60_000)])
    assert sampled(S + later * MS, [waiting(max(0, 60_000 - later))]).is_empty


@pytest.mark.parametrize("error", [-TICK, TICK], ids=["early", "late"])
def test_a_timer_that_seems_to_be_due_a_tick_earlier_or_later_is_no_change(error: int) -> None:
    sampled = Sampled()
    sampled(S, [waiting(60_000)])
    assert sampled(2 * S + error, [waiting(59_000)]).is_empty


def test_a_sampler_that_is_late_sees_no_change() -> None:
    """The kernel read the table within the 40 ms that the reading took; the timer was due at 61 s."""
    sampled = Sampled()
    sampled(S, [waiting(60_000)])
    assert sampled(2 * S + 40 * MS, [waiting(59_000)], took=40 * MS).is_empty
    assert sampled(3 * S, [waiting(58_000)]).is_empty


@pytest.mark.parametrize("left", [59_980, 59_020, 0], ids=["starts over", "20 ms longer", "is due at once"])
def test_a_timer_that_is_set_anew_is_a_change(left: int) -> None:
    sampled = Sampled()
    sampled(S, [waiting(60_000)])
    change = sampled(2 * S, [waiting(left)])
    assert [entry["expires_ms"] for entry in change.sockets] == [left]
    assert sampled(2 * S + 10 * MS, [waiting(max(0, left - 10))]).is_empty


def test_a_timer_that_was_late_and_is_set_anew_is_a_change() -> None:
    sampled = Sampled()
    sampled(S, [waiting(0)])
    assert len(sampled(2 * S, [waiting(60_000)]).sockets) == 1


def test_what_is_recorded_grows_with_the_connections_and_not_with_the_table() -> None:
    """Each connection is opened and closed, and then waits beside all those before it."""
    recorded = {}
    for count in (50, 400):
        sampled = Sampled()
        table: Table = []
        entries = 0
        for n in range(count):
            table = [waiting(entry["expires_ms"] - 1000, entry["local"][1]) for entry in table]
            for state in ("SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2"):
                entries += len(sampled(n * S, [*table, sock(state, n, 7000)]).sockets)
            table.append(waiting(60_000_000, n))
            entries += len(sampled(n * S, table).sockets)
        recorded[count] = entries / count
    assert recorded == {50: 5, 400: 5}
