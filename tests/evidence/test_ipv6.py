"""IPv6 in the evidence: hosts' addresses, joined frames, connections; and `never` beside frames that cannot be read."""

from collections.abc import Callable

import pytest

from badwire.claims.check import FAILS, HOLDS, UNKNOWN, Checks, Verdict, at_least, equals, never, seen
from badwire.claims.claim import claim, judge_one
from badwire.claims.instrument import faults_read_frames
from badwire.claims.sources import RFC
from badwire.evidence import Evidence
from badwire.packets.pcapng import Captured
from badwire.report.story import story
from badwire.report.text import show
from tests.claims import forged
from tests.claims.written import Written, ns

SERVER, CLIENT = "fe80::2", "fe80::3"


def ends(w: Written, source: str) -> forged.Ends:
    if source == "client":
        return w.mac("client"), w.mac("server"), CLIENT, SERVER
    return w.mac("server"), w.mac("client"), SERVER, CLIENT


def refused(w: Written) -> None:
    """A client that asks for the server's MAC address, connects to a closed port and is refused, over fe80::."""
    asks = (w.mac("client"), "33:33:ff:00:00:02", CLIENT, "ff02::1:ff00:2")
    w.frame("client", "server", 0.1, forged.neighbour(asks, SERVER))
    w.frame("server", "client", 0.2, forged.neighbour(ends(w, "server"), SERVER, answer=True))
    w.frame("client", "server", 0.3, forged.tcp(ends(w, "client"), (40001, 7000), "S", 100))
    w.frame("server", "client", 0.4, forged.tcp(ends(w, "server"), (7000, 40001), "RA", 0, 101))


def no_reset(run: Evidence) -> object:
    return never("a reset", run.segments(flags="R"), run).verdict


def test_a_connection_over_ipv6_is_a_connection() -> None:
    w = Written()
    refused(w)
    run = w.evidence()
    connection = run.connection(7000)
    assert (connection.client.host, connection.server.host) == ("client", "server")
    assert run.addresses("client") == ("10.0.0.3", CLIENT) and run.addresses("server") == ("10.0.0.2", SERVER)
    assert [frame.packet.protocol for frame in run.frames()] == ["icmp6", "icmp6", "tcp", "tcp"]
    assert all(frame.delivered_at for frame in run.frames())
    assert no_reset(run) is FAILS
    assert len(run.frames(protocol="icmp6")) == 2 and not run.frames(protocol="icmp")
    assert [line[14:] for line in show(story(run))] == [
        f"client --> server  IP6 {CLIENT} > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has {SERVER}, length 24",
        f"server --> client  IP6 {SERVER} > {CLIENT}: ICMP6, neighbor advertisement, tgt is {SERVER}, length 24",
        f"client --> server  IP6 {CLIENT}.40001 > {SERVER}.7000: Flags [S], seq 0, win 64240, length 0",
        f"server --> client  IP6 {SERVER}.7000 > {CLIENT}.40001: Flags [R.], ack 1, win 64240, length 0",
    ]


def test_the_same_ports_over_both_versions_are_two_connections() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    w.frame("client", "server", 0.2, forged.tcp(ends(w, "client"), (40001, 7000), "S", 100))
    w.segment("server", "client", 0.3, "SA", seq=500, ack=101)
    w.frame("server", "client", 0.4, forged.tcp(ends(w, "server"), (7000, 40001), "RA", 0, 101))
    both = w.evidence().connections(7000)
    assert both.map(lambda each: each.opened) == (False, False) and len(both) == 2
    assert both.map(lambda each: len(each.server.segments("R"))) == (0, 1)


def test_a_frame_to_a_host_without_a_known_mac_is_found_by_its_address() -> None:
    w = Written()
    w.records = [record for record in w.records if record["kind"] != "facts"]
    refused(w)
    run = w.evidence()
    assert run.segments().map(lambda frame: frame.toward) == ("server", "client")


def gre(w: Written) -> bytes:
    frame = bytearray(forged.udp((w.mac("client"), w.mac("server"), "10.0.0.3", "10.0.0.2"), (1, 2), bytes(30)))
    frame[23] = 47
    return bytes(frame)


def test_never_is_unknown_beside_frames_that_cannot_be_read() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    assert no_reset(w.evidence()) is HOLDS
    w.frame("client", "server", 0.2, gre(w))
    w.frame("client", "server", 0.3, gre(w))
    w.frame("server", "client", 0.4, bytes(12) + b"\x88\xcc" + bytes(46))
    w.note(0.5, "later")
    run = w.evidence()
    check = never("a reset", run.segments(flags="R"), run)
    assert check.verdict is UNKNOWN
    assert str(check.why) == (
        "one may have been missed: 2 frames of client that cannot be read (IP protocol 47),"
        " 1 frame of server that cannot be read (ethertype 0x88cc)"
    )
    later = run.phase("later")
    assert never("a reset", later.segments(flags="R"), later).verdict is HOLDS


def test_comparisons_are_unknown_beside_frames_that_cannot_be_read() -> None:
    @claim("Two segments", RFC("9293", "3.5"))
    def two(run: Evidence) -> Checks:
        yield equals("before any query", 1, 1)
        yield equals("frames", len(run.frames()), 3)
        yield seen("segments", run.segments())
        yield equals("segments", len(run.segments()), 2)
        yield at_least("connections", len(run.connections()), 1)
        yield equals("segments", len(run.segments()), 5)

    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    w.segment("server", "client", 0.2, "RA", ack=101)
    w.frame("client", "server", 0.3, gre(w))
    checks = judge_one(two, w.evidence()).checks
    assert [check.verdict for check in checks] == [HOLDS, HOLDS, HOLDS, UNKNOWN, UNKNOWN, UNKNOWN]
    assert str(checks[3].why) == "frames may have been missed: frames of client that cannot be read (IP protocol 47)"
    assert checks[3].shown == "2"


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        (lambda run: run.segments(), UNKNOWN),
        (lambda run: run.segments("client"), UNKNOWN),
        (lambda run: run.segments("server"), HOLDS),
        (lambda run: run.datagrams("server"), HOLDS),
        (lambda run: run.datagrams(), UNKNOWN),
        (lambda run: run.frames(port=7000), UNKNOWN),
        (lambda run: run.frames(port=7000, before=ns(0.2)), HOLDS),
        (lambda run: run.frames(port=7000, after=ns(0.4)), HOLDS),
        (lambda run: run.frames("client"), HOLDS),
        (lambda run: run.frames("client").last.length, HOLDS),
        (lambda run: run.frames("client").last.tcp, UNKNOWN),
        (lambda run: run.frames("client").first.tcp, HOLDS),
        (lambda run: run.established(7000), UNKNOWN),
        (lambda run: run.served_side_by_side(7000), UNKNOWN),
        (lambda run: run.phase("later").connections(), HOLDS),
        (lambda run: run.host("server").programs(), HOLDS),
    ],
)
def test_only_what_may_have_been_missed_makes_it_unknown(query: Callable[[Evidence], object], verdict: Verdict) -> None:
    @claim("Something", RFC("9293", "3.5"))
    def after_a_query(run: Evidence) -> Checks:
        query(run)
        yield equals("something", 1, 1)

    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    w.segment("server", "client", 0.11, "SA", seq=500, ack=101)
    w.segment("client", "server", 0.12, "A", seq=101, ack=501)
    w.segment("client", "server", 0.13, "RA", seq=101, ack=501)
    w.frame("client", "server", 0.3, gre(w))
    w.note(0.5, "later")
    assert judge_one(after_a_query, w.evidence()).verdict is verdict


def test_a_damaged_delivery_is_not_a_frame_that_cannot_be_read() -> None:
    """What the sender sent is known."""
    w = Written()
    sent = forged.tcp((w.mac("client"), w.mac("server"), "10.0.0.3", "10.0.0.2"), (40001, 7000), "S")
    w.frame("client", "server", 0.1, sent, arrives_as=forged.flip(sent, 8 * 23 + 1))
    assert no_reset(w.evidence()) is HOLDS


def test_never_is_unknown_beside_a_hosts_own_traffic_on_loopback() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    for t, packets in ((0, 0), (1, 4)):
        w.record("counters", t, host="client", counters={"Lo.RxPackets": 3})
        w.record("counters", t, host="server", counters={"Lo.RxPackets": packets})
    run = w.evidence()
    check = never("a reset", run.segments(flags="R"), run)
    assert check.verdict is UNKNOWN
    assert str(check.why) == (
        "one may have been missed: 4 packets on the loopback interface of server, which is not captured"
    )
    assert never("a reset between hosts", run.segments(flags="R"), run.wire).verdict is HOLDS


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        (lambda run: run.segments(flags="R"), UNKNOWN),
        (lambda run: run.segments("server", flags="R"), UNKNOWN),
        (lambda run: run.datagrams(to="server"), UNKNOWN),
        (lambda run: run.segments("client", flags="R"), HOLDS),
        (lambda run: run.segments("server", to="client", flags="R"), HOLDS),
        (lambda run: run.frames("server"), HOLDS),
        (lambda run: run.connections(7000), UNKNOWN),
        (lambda run: run.connections(7000, client="client"), HOLDS),
        (lambda run: run.connections(7000, client="server", server="client"), HOLDS),
        (lambda run: run.connection(7000), HOLDS),
    ],
)
def test_a_count_is_unknown_where_a_hosts_own_traffic_may_belong_to_it(
    query: Callable[[Evidence], object], verdict: Verdict
) -> None:
    @claim("Something", RFC("9293", "3.5"))
    def after_a_query(run: Evidence) -> Checks:
        query(run)
        yield equals("something", 1, 1)

    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    for t, packets in ((0, 0), (1, 4)):
        w.record("counters", t, host="client", counters={"Lo.RxPackets": 0})
        w.record("counters", t, host="server", counters={"Lo.RxPackets": packets})
    judged = judge_one(after_a_query, w.evidence())
    assert judged.verdict is verdict
    if verdict is UNKNOWN:
        assert "4 packets on the loopback interface of server, which is not captured" in str(judged.checks[-1].why)


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        (lambda run: run.segments(flags="R"), UNKNOWN),
        (lambda run: run.segments(to="server", flags="R"), UNKNOWN),
        (lambda run: run.segments("server", flags="R"), UNKNOWN),
        (lambda run: run.segments("client", flags="R"), HOLDS),
        (lambda run: run.segments("client", to="server", flags="R"), HOLDS),
        (lambda run: run.connections(7000), UNKNOWN),
        (lambda run: run.connections(7000, client="server"), UNKNOWN),
        (lambda run: run.connections(7000, client="client"), HOLDS),
        (lambda run: run.connections(7000, client="client", server="server"), HOLDS),
    ],
)
def test_a_count_is_unknown_where_traffic_with_the_outside_of_joined_containers_may_belong_to_it(
    query: Callable[[Evidence], object], verdict: Verdict
) -> None:
    @claim("Something", RFC("9293", "3.5"))
    def after_a_query(run: Evidence) -> Checks:
        query(run)
        yield equals("something", 1, 1)

    w = Written()
    w.records[0]["joined"] = True
    sent = w.segment("client", "server", 0.1, "S", seq=100)
    foreign = sent[:6] + b"\x02\x42\xac\x11\x00\x63" + sent[12:]
    w.captured.append(Captured(ns(0.2), "server", "out", foreign, len(foreign)))
    judged = judge_one(after_a_query, w.evidence())
    assert judged.verdict is verdict
    if verdict is UNKNOWN:
        assert "1 frame between server and outside of the joined containers" in str(judged.checks[-1].why)


def test_never_is_unknown_where_packets_on_loopback_were_not_counted() -> None:
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    w.record("counters", 0, host="server", counters={"Lo.RxPackets": 0})
    run = w.evidence()
    check = never("a reset", run.segments(flags="R"), run)
    assert check.verdict is UNKNOWN
    assert str(check.why) == (
        "one may have been missed: any packet on the loopback interface of server, where they were not counted"
    )


def test_a_fault_that_cannot_match_what_passed_says_so() -> None:
    w = Written()
    w.fault(0.05, "server", {"name": "nth", "n": 1, "times": None, "protocol": "tcp"})
    refused(w)
    judged = judge_one(faults_read_frames, w.evidence())
    assert judged.verdict is HOLDS
    w.frame("client", "server", 0.5, gre(w))
    (check,) = judge_one(faults_read_frames, w.evidence()).checks
    assert check.verdict is UNKNOWN
    assert str(check.name) == "frames toward server that nth can match"
    assert str(check.why) == "some passed that it cannot read: IP protocol 47"


def test_a_fault_that_selects_nothing_needs_to_read_nothing() -> None:
    w = Written()
    w.fault(0.05, "server", {"name": "nth", "n": 1})
    w.frame("client", "server", 0.5, gre(w))
    assert judge_one(faults_read_frames, w.evidence()).verdict is HOLDS
