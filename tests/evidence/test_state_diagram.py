"""Changes of state as edges of the state diagram, RFC 9293 figure 5."""

import pytest

from badwire.evidence import Records, state_changes
from badwire.evidence.state_diagram import CLOSED, FIGURE, StateChange, way
from badwire.linux.tcp_states import STATES
from tests.claims.written import Written, sock

LISTENER = sock("LISTEN", 7000)


def changes(w: Written, host: str) -> Records[StateChange]:
    return state_changes(w.evidence().host(host))


def shown(w: Written, host: str) -> tuple[str, ...]:
    return changes(w, host).map(str)


def test_the_figure_has_every_state() -> None:
    entered = {state for following in FIGURE.values() for state in following}
    assert FIGURE.keys() | entered == set(STATES) - {"CLOSE"} | {CLOSED}


def test_a_connection_from_its_listener_to_its_end() -> None:
    w = Written()
    w.sample("server", 0.1, [])
    w.sample("server", 0.2, [LISTENER])
    for t, state in enumerate(("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"), 1):
        w.sample("server", t, [LISTENER, sock(state, 7000, 40001)])
    w.sample("server", 9, [LISTENER])
    assert shown(w, "server") == (
        "CLOSED > LISTEN",
        "LISTEN > SYN_RECV",
        "SYN_RECV > ESTABLISHED",
        "ESTABLISHED > CLOSE_WAIT",
        "CLOSE_WAIT > LAST_ACK",
        "LAST_ACK > CLOSED",
    )
    assert all(change.possible for change in changes(w, "server"))


def test_a_connection_beside_a_listener_on_another_port_comes_from_closed() -> None:
    w = Written()
    w.sample("server", 0.1, [sock("LISTEN", 7001)])
    w.sample("server", 0.2, [sock("LISTEN", 7001), sock("SYN_SENT", 7000, 40001)])
    assert "CLOSED > SYN_SENT" in shown(w, "server")


def test_a_socket_in_the_kernels_state_close_is_closed() -> None:
    """A socket that is bound and then connects comes from CLOSED, whether or not the table showed it before."""
    w = Written()
    w.sample("client", 0.1, [])
    w.sample("client", 0.2, [sock("CLOSE", 40001, inode=5)])
    w.sample("client", 0.3, [sock("SYN_SENT", 40001, 7000, inode=5)])
    assert shown(w, "client") == ("CLOSED > SYN_SENT",)


def test_what_lies_before_the_first_sample_and_after_the_last_is_no_change() -> None:
    w = Written()
    w.record("sample", 0.1, host="client", prev=None, cause="asked", sockets=[sock("FIN_WAIT_2", 40001, 7000)])
    w.sample("client", 0.2, [sock("TIME_WAIT", 40001, 7000)])
    assert changes(w, "client") == (StateChange("FIN_WAIT_2", "TIME_WAIT"),)


def test_udp_sockets_have_no_changes() -> None:
    w = Written()
    w.sample("client", 0.1, [])
    w.sample("client", 0.2, [sock("ESTABLISHED", 40001, 7000, proto="udp")])
    assert changes(w, "client") == ()


def test_no_socket_changed() -> None:
    w = Written()
    w.record("sample", 0.1, host="client", prev=None, cause="asked", sockets=[sock("ESTABLISHED", 40001, 7000)])
    found = changes(w, "client")
    assert not found
    assert str(found.what) == "no socket of client changed its state"


@pytest.mark.parametrize(
    ("left", "entered", "through"),
    [
        ("FIN_WAIT_1", "TIME_WAIT", ()),
        ("LISTEN", "ESTABLISHED", ("SYN_RECV",)),
        ("CLOSED", "ESTABLISHED", ("SYN_SENT",)),
        ("ESTABLISHED", "TIME_WAIT", ("FIN_WAIT_1",)),
        ("CLOSE_WAIT", "CLOSED", ("LAST_ACK",)),
        ("ESTABLISHED", "CLOSED", None),  # a program's call would be between, or a minute; or else it was reset
        ("CLOSED", "CLOSE_WAIT", None),
        ("ESTABLISHED", "LAST_ACK", None),
        ("CLOSE_WAIT", "ESTABLISHED", None),
        ("FIN_WAIT_2", "CLOSING", None),
        ("LAST_ACK", "TIME_WAIT", None),
        ("TIME_WAIT", "ESTABLISHED", None),
    ],
)
def test_the_way_from_one_state_to_another(left: str, entered: str, through: tuple[str, ...] | None) -> None:
    assert way(left, entered) == through


def test_how_a_change_reads() -> None:
    assert str(StateChange("LAST_ACK", "CLOSED")) == "LAST_ACK > CLOSED"
    assert str(StateChange("LISTEN", "ESTABLISHED", ("SYN_RECV",))) == "LISTEN > (SYN_RECV) > ESTABLISHED"
    assert str(StateChange("LAST_ACK", "TIME_WAIT", None)) == "LAST_ACK > ? > TIME_WAIT"


def test_a_change_without_a_way_is_not_possible() -> None:
    assert StateChange("LISTEN", "ESTABLISHED", ("SYN_RECV",)).possible
    assert not StateChange("LAST_ACK", "TIME_WAIT", None).possible
