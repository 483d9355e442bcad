"""A run as text."""

from badwire.report.story import story
from badwire.report.text import show
from tests.claims.written import Written, sock
from tests.quick import no_leftovers as no_leftovers


def test_each_thing_that_happened_is_a_line_in_order() -> None:
    w = Written()
    w.note(0.05, "a SYN is lost")
    w.fault(0.06, "server", {"name": "nth", "n": 1})
    w.call("client", 0.1, "connect", ["10.0.0.2", 7000], took=2.5)
    w.segment("client", "server", 0.1, "S", seq=100, lost=True)
    w.sample("client", 0.11, [sock("SYN_SENT", 40001, 7000)])
    w.fault(0.2, "server")
    w.segment("client", "server", 1.1, "S", seq=100, delivered=1.15)
    w.segment("server", "client", 1.2, "SA", seq=500, ack=101, delivered=(1.2, 1.3))
    lines = list(show(story(w.evidence())))
    syn = "IP 10.0.0.3.40001 > 10.0.0.2.7000: Flags [S], seq 0, win 64240, length 0"
    answer = "IP 10.0.0.2.7000 > 10.0.0.3.40001: Flags [S.], seq 0, ack 1, win 64240, length 0"
    assert lines == [
        "    0.050000  -- a SYN is lost",
        "    0.060000  == toward server: nth=1",
        "    0.100000  client  connect(10.0.0.2:7000) = 0  (2.500000 s)",
        f"    0.100000  client --x server  {syn}  [lost to nth]",
        "    0.110000  client  is in SYN_SENT (10.0.0.2:40001 to 10.0.0.3:7000)",
        "    0.200000  == toward server: nth=1 is lifted",
        f"    1.100000  client --> server  {syn}  [sent again; delivered after 0.050000 s]",
        f"    1.200000  server --> client  {answer}  [delivered 2 times]",
    ]


def test_options_that_are_not_decoded_are_shown_by_kind_and_length() -> None:
    w = Written()
    others = [(34, b"\1\2\3\4"), (253, b"\xf9\x89"), (77, b"")]
    w.segment("client", "server", 0.1, "S", options={"mss": 1460, "others": others})
    w.segment("client", "server", 0.2, "S", options={"others": [(34, b"")]})
    both = [line.partition("options ")[2] for line in show(story(w.evidence()))]
    assert both == [
        "[mss 1460,tfo cookie 01020304,kind 253 length 4 0xf989,kind 77 length 2], length 0",
        "[tfo cookiereq], length 0  [sent again]",
    ]


def test_what_is_written_at_once_stays_in_order() -> None:
    """By record and not by text, for lines of one program, of several, and of both streams; also a line in pieces."""
    w = Written()
    w.program("server", 0.1, "greeter", number=1)
    w.program("client", 0.1, "asks", number=2)
    output = {"server": 1, "client": 2}
    for host, stream, text in (
        ("server", "out", "waiting\nfor\na client\nin p"),
        ("client", "out", "connected\n"),
        ("server", "err", "zero\nalso\n"),
        ("server", "out", "ieces\nbye\n"),
    ):
        w.record("output", 0.2, host=host, program=output[host], stream=stream, text=text)
    w.record("input", 0.2, host="client", program=2, text="typed\n")
    w.record("output", 0.2, host="client", program=2, stream="out", text="after\n")
    w.record("program", 0.2, host="client", program=2, event="exit", status=0)
    w.program("client", 0.2, "again", number=3, exits=0.2)
    lines = [line[22:] for line in show(story(w.evidence()))]
    assert lines == [
        "greeter",
        "asks",
        "greeter: waiting",
        "greeter: for",
        "greeter: a client",
        "greeter: in pieces",
        "asks: connected",
        "greeter: zero",
        "greeter: also",
        "greeter: bye",
        "typed into asks: typed",
        "asks: after",
        "asks ended: status 0",
        "again",
        "again ended: status 0",
    ]


def test_notes_and_faults_of_the_same_time_stay_in_order() -> None:
    w = Written()
    w.note(0.1, "second by the alphabet")
    w.note(0.1, "first by the alphabet")
    w.fault(0.1, "server", {"name": "nth", "n": 1})
    w.fault(0.1, "client", {"name": "loss", "probability": 0.5})
    assert [line[14:] for line in show(story(w.evidence()))] == [
        "-- second by the alphabet",
        "-- first by the alphabet",
        "== toward server: nth=1",
        "== toward client: loss=50%",
    ]
