"""Programs: put together from their records, found by their command line and by the sockets beside them."""

import pytest

from badwire.evidence import Evidence, NotRecorded
from badwire.evidence.programs import programs
from tests.claims.written import Written, ns, sock

WAITING = sock("TIME_WAIT", 7000, 40001)
DURING = ("TIME_WAIT", 7000)


def echo_and_client() -> Evidence:
    w = Written()
    w.program("server", 1, "echo_serial", "7000", out="ready\n", err="bye\n", exits=3, status=None, signal="SIGINT")
    w.program("client", 2, "client", number=4)
    return w.evidence()


def test_a_program_from_start_to_exit() -> None:
    program = echo_and_client().host("server").program()
    assert program.host == "server"
    assert program.number == 1
    assert program.name == "echo_serial"
    assert program.argv == ("echo_serial", "7000")
    assert program.pid == 11
    assert program.started == ns(1)
    assert program.ready_at == ns(1)
    assert program.exited_at == ns(3)
    assert program.took == 2.0
    assert program.status is None
    assert program.signal == "SIGINT"
    assert program.zombies == 0


def test_what_it_wrote() -> None:
    program = echo_and_client().host("server").program()
    assert program.out == "ready\n"
    assert program.output == "ready"
    assert program.err == "bye\n"


def test_signals_that_the_lab_sent() -> None:
    w = Written()
    w.program("server", 1, "echo_serial", exits=3)
    w.record("program", 2, host="server", program=1, event="signal", signal="SIGINT")
    assert w.evidence().host("server").program().signals == ("SIGINT",)


def test_a_program_that_did_not_end() -> None:
    program = echo_and_client().host("client").program("client")
    assert program.number == 4
    assert program.exited is None
    with pytest.raises(NotRecorded, match="the end of client was not recorded"):
        _ = program.exited_at
    with pytest.raises(NotRecorded, match="the end of client was not recorded"):
        _ = program.took


def test_a_program_that_was_never_ready() -> None:
    w = Written()
    w.record("program", 1, host="server", program=1, event="start", name="echo_serial", argv=["echo_serial"])
    program = w.evidence().host("server").program()
    assert program.ready is None
    with pytest.raises(NotRecorded, match="echo_serial was never ready"):
        _ = program.ready_at


def test_a_program_without_its_start_is_no_answer_to_a_query() -> None:
    w = Written()
    w.record("program", 1, host="server", program=1, event="exit", name="echo_serial", status=0)
    run = w.evidence()
    (program,) = programs(run.records)
    assert program.name == "echo_serial"
    assert program.started is None
    with pytest.raises(NotRecorded, match="the start of echo_serial was not recorded"):
        _ = program.took
    assert run.host("server").programs() == ()


def test_programs_with_the_same_number_on_two_hosts_are_two() -> None:
    w = Written()
    w.program("server", 1, "echo_serial", out="server\n", exits=3)
    w.program("client", 2, "client", out="client\n", exits=3)
    run = w.evidence()
    assert run.host("server").program().output == "server"
    assert run.host("client").program().output == "client"


def test_by_the_last_words_of_the_command_line() -> None:
    w = Written()
    w.program("server", 1, "try_bind", "7000", exits=2, out="bind: EADDRINUSE\n")
    w.program("server", 3, "try_bind", "7000", "--reuseaddr", number=2, exits=4, out="bound 7000\n")
    server = w.evidence().host("server")
    assert server.program("try_bind", 7000).output == "bind: EADDRINUSE"
    assert server.program("try_bind", 7000, "--reuseaddr").output == "bound 7000"
    assert server.program("try_bind", "--reuseaddr").output == "bound 7000"
    assert len(server.programs("try_bind")) == 2


def test_no_program_with_this_command_line() -> None:
    w = Written()
    w.program("server", 1, "try_bind", "7000", exits=2)
    server = w.evidence().host("server")
    with pytest.raises(NotRecorded, match="no program try_bind 7001 on server was recorded"):
        server.program("try_bind", 7001)
    assert server.programs("other") == ()
    assert server.programs("try_bind", "a", "try_bind", 7000) == ()  # more words than it has


def test_the_rest_of_a_line_by_its_first_word() -> None:
    w = Written()
    w.program("client", 1, "send_datagrams", exits=2, out="sent 3 lost 1\norder 0 2\nlost 1\nempty\n")
    program = w.evidence().host("client").program("send_datagrams")
    assert program.lines == ("sent 3 lost 1", "order 0 2", "lost 1", "empty")
    assert program.line("sent") == "3 lost 1"
    assert program.line("order") == "0 2"
    assert program.line("lost") == "1"
    assert program.line("empty") == ""


@pytest.mark.parametrize("word", ["ord", "0"])
def test_no_line_begins_with_this_word(word: str) -> None:
    w = Written()
    w.program("client", 1, "send_datagrams", exits=2, out="order 0 2\n")
    with pytest.raises(NotRecorded, match=f"send_datagrams wrote no line that begins with {word}"):
        w.evidence().host("client").program("send_datagrams").line(word)


def try_bind(*runs: tuple[float, float, str], since: float, until: float) -> Evidence:
    """Runs of try_bind on the server, from, to, and its output, and a TIME_WAIT that samples show since and until."""
    w = Written()
    w.sample("server", since, [WAITING])
    for number, (began, exits, out) in enumerate(runs, 1):
        w.program("server", began, "try_bind", "7000", number=number, exits=exits, out=out)
    w.sample("server", until + 0.5, [], prev=until)
    return w.evidence()


@pytest.mark.parametrize(("since", "until"), [(1, 4), (2, 3)])
def test_a_program_that_ran_while_a_socket_was_there(since: float, until: float) -> None:
    server = try_bind((2, 3, "bound 7000\n"), since=since, until=until).host("server")
    assert server.program("try_bind", during=DURING).output == "bound 7000"


@pytest.mark.parametrize(
    ("since", "until"),
    [(2.5, 4), (1, 2.5)],
    ids=["not seen before it started", "not seen after it had ended"],
)
def test_a_program_that_ran_longer_than_a_socket_was_seen(since: float, until: float) -> None:
    server = try_bind((2, 3, "bound 7000\n"), since=since, until=until).host("server")
    with pytest.raises(
        NotRecorded, match="try_bind on server was recorded while a socket was in TIME_WAIT on port 7000"
    ):
        server.program("try_bind", during=DURING)


@pytest.mark.parametrize("during", [("TIME_WAIT", 7001), ("FIN_WAIT_2", 7000)])
def test_a_program_that_ran_beside_another_socket(during: tuple[str, int]) -> None:
    server = try_bind((2, 3, "bound 7000\n"), since=1, until=4).host("server")
    assert server.programs("try_bind", during=during) == ()


def test_two_periods_one_after_the_other_are_not_one() -> None:
    w = Written()
    w.sample("server", 1, [sock("FIN_WAIT_2", 7000, 40001)])
    w.program("server", 2, "try_bind", "7000", exits=4, out="bound 7000\n")
    w.sample("server", 3, [WAITING])
    w.sample("server", 6, [], prev=5)
    assert w.evidence().host("server").programs("try_bind", during=DURING) == ()


def test_a_program_that_did_not_end_ran_beside_nothing() -> None:
    w = Written()
    w.sample("server", 1, [WAITING])
    w.program("server", 2, "try_bind", "7000")
    w.sample("server", 6, [], prev=5)
    assert w.evidence().host("server").programs(during=DURING) == ()


def test_of_several_programs_the_one_that_ran_meanwhile() -> None:
    server = try_bind((1, 2, "early\n"), (4, 5, "right\n"), (8, 9, "late\n"), since=3, until=6).host("server")
    assert server.programs("try_bind", during=DURING).map(lambda program: program.output) == ("right",)
