"""A run as text."""

from badwire.report.story import story
from badwire.report.text import show
from tests.claims.written import Written, sock


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
