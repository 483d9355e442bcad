"""Changes of state as edges of the state diagram."""

import pytest

from badwire.old.evidence import NothingSeen
from badwire.old.evidence.sockets import STATES
from badwire.old.evidence.state_diagram import FIGURE, Edge, edges, way
from tests.claims.written import Written, sock

LISTENER = sock("LISTEN", 7000)


def test_the_figure_knows_every_state() -> None:
    known = FIGURE.keys() | {state for following in FIGURE.values() for state in following}
    assert known == {*STATES} - {"CLOSE"} | {"CLOSED"}


def test_a_connection_from_its_listener_to_its_end() -> None:
    w = Written()
    w.sample("server", 0.1, [])
    w.sample("server", 0.2, [LISTENER])
    for number, state in enumerate(("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK")):
        w.sample("server", 0.3 + number, [LISTENER, sock(state, 7000, 40001)])
    w.sample("server", 9, [LISTENER])
    taken = edges(w.evidence().sockets("server"))
    assert [str(edge) for edge in taken] == [
        "CLOSED > LISTEN",
        *("LISTEN > SYN_RECV", "SYN_RECV > ESTABLISHED", "ESTABLISHED > CLOSE_WAIT"),
        *("CLOSE_WAIT > LAST_ACK", "LAST_ACK > CLOSED"),
    ]
    assert all(edge.possible for edge in taken)


def test_a_socket_that_connects_comes_from_closed_whether_or_not_the_table_showed_it_before() -> None:
    w = Written()
    w.sample("client", 0.1, [])
    bound = sock("CLOSE", 40001, inode=5)
    w.sample("client", 0.2, [bound])
    w.sample("client", 0.3, [sock("SYN_SENT", 40001, 7000, inode=5)])
    assert [str(edge) for edge in edges(w.evidence().sockets("client"))] == ["CLOSED > SYN_SENT"]


def test_what_was_there_from_the_first_look_on_and_to_the_last_came_from_nowhere() -> None:
    w = Written()
    w.record("sample", 0.1, host="client", prev=None, cause="asked", sockets=[sock("FIN_WAIT_2", 40001, 7000)])
    w.sample("client", 0.2, [sock("TIME_WAIT", 40001, 7000)])
    assert edges(w.evidence().sockets("client")) == (Edge("FIN_WAIT_2", "TIME_WAIT"),)


def test_nothing_that_changed_is_nothing_seen() -> None:
    w = Written()
    w.record("sample", 0.1, host="client", prev=None, cause="asked", sockets=[sock("ESTABLISHED", 40001, 7000)])
    with pytest.raises(NothingSeen, match="no socket of client"):
        edges(w.evidence().sockets("client"))


@pytest.mark.parametrize(
    ("left", "entered", "between"),
    [
        ("FIN_WAIT_1", "TIME_WAIT", ()),
        ("LISTEN", "ESTABLISHED", ("SYN_RECV",)),
        ("CLOSED", "ESTABLISHED", ("SYN_SENT",)),
        ("ESTABLISHED", "TIME_WAIT", ("FIN_WAIT_1",)),
        ("CLOSE_WAIT", "CLOSED", ("LAST_ACK",)),
        ("ESTABLISHED", "CLOSED", None),  # a program's call would be between, or a minute; else it was reset
        ("CLOSED", "CLOSE_WAIT", None),
        ("ESTABLISHED", "LAST_ACK", None),
        ("CLOSE_WAIT", "ESTABLISHED", None),
        ("FIN_WAIT_2", "CLOSING", None),
        ("LAST_ACK", "TIME_WAIT", None),
        ("TIME_WAIT", "ESTABLISHED", None),
    ],
)
def test_the_way_from_one_state_to_another(left: str, entered: str, between: tuple[str, ...] | None) -> None:
    assert way(left, entered) == between


def test_how_an_edge_reads() -> None:
    assert str(Edge("LISTEN", "ESTABLISHED", ("SYN_RECV",))) == "LISTEN > (SYN_RECV) > ESTABLISHED"
    assert str(Edge("LAST_ACK", "TIME_WAIT", None)) == "LAST_ACK > ? > TIME_WAIT"
    assert not Edge("LAST_ACK", "TIME_WAIT", None).possible
