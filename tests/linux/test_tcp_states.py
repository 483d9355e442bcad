"""The states of TCP, in the order of the kernel's numbers."""

from badwire.linux.tcp_states import BY_NUMBER, STATES


def test_each_state_is_there_once() -> None:
    assert len(STATES) == 11
    assert set(STATES) == set(BY_NUMBER) - {""}


def test_a_state_is_found_by_the_kernels_number() -> None:
    assert BY_NUMBER[1] == "ESTABLISHED"
    assert BY_NUMBER[6] == "TIME_WAIT"
    assert BY_NUMBER[12] == "SYN_RECV"
