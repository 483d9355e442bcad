"""A black hole: a link on the way takes less than the sender's own, and nobody says so.

    client, MTU 1500         a router, MTU 1200                     server
      |  SYN, ACK  ----------------------------------------------->  |  what is short gets through
      |  a segment of 1448 bytes  --->  x                             |  longer than 1200 with its headers
      |  the same, after each RTO  -->  x                             |  and so on for a quarter of an hour,
      |  a segment of 1024 bytes  --------------------------------->  |  unless the sender takes a guess

It does so if net.ipv4.tcp_mtu_probing is 1. With the ICMP message that is missing here: path_mtu. Read next: RFC 4821.
"""

from badwire.faults import Mtu
from badwire.linux.timers import RTO_MIN
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, at_least, at_most, claim, equals, never
from badwire.old.evidence import NS, Evidence, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.util.jsonlines import WIRE

PORTS, SIZE, HEADERS = {"client1": 7001, "client2": 7002}, 1200, 52  # bytes; of IP and TCP with timestamps
FULL, BASE, RETRIES = 1500 - HEADERS, 1024, 3  # bytes of data in a segment; tcp_base_mss; tcp_retries1
DATA = bytes(3 * FULL)
PINNED = {"tcp_base_mss": BASE, "tcp_retries1": RETRIES, "tcp_timestamps": 1, "tcp_early_retrans": 0}
SETTINGS = {"client1": {**PINNED, "tcp_mtu_probing": 0}, "client2": {**PINNED, "tcp_mtu_probing": 1}}
SYSCTLS = {host: {f"net.ipv4.{key}": str(value) for key, value in all_.items()} for host, all_ in SETTINGS.items()}


@scenario("Nobody tells what is too long", hosts={"client": 2}, sysctls=SYSCTLS)
def black_hole(lab: Lab) -> None:
    server, stays, guesses = lab.host("server"), lab.host("client1"), lab.host("client2")
    with lab.wire.fault(Mtu(SIZE, tells=False), toward=server):
        for client in stays, guesses:
            port = PORTS[client.name]
            server.listen(port)
            connection = client.connect(server.at(port))
            client.wait_until(state="ESTABLISHED", port=port)
            connection.send(DATA)
        guesses.wait_until(state="ESTABLISHED", where=lambda entry: entry["wqueue"] == 0, timeout=30)  # all got through
    stays.wait_until(state="ESTABLISHED", where=lambda entry: entry["wqueue"] == 0, timeout=30)


@claim(RFC("2923", "2.1"), RFC("4821", "2"))
def what_is_longer_vanishes_and_nobody_says_why(seen: Evidence) -> Verdict:
    """While the hole is there exactly those segments are lost that are too long for it."""
    (hole,) = seen.faults(name="mtu") or (None,)
    sent = [frame for frame in seen.segments(to="server") or () if hole and hole.in_force(frame.sent_at)]
    wrong = [frame for frame in sent if bool(frame.delivered_at) is (frame.length - 14 > SIZE)]
    return all_of(equals(len(wrong) if sent else None, 0, "segments"), never(seen.frames(WIRE), "a word", seen))


@claim(RFC("6298", "5.4"), Kernel("net/ipv4/tcp_timer.c", "tcp_mtu_probing"))
def without_probing_the_same_long_segment_goes_again_until_the_way_is_mended(seen: Evidence) -> Verdict:
    """More often than tcp_retries1 says; the sender takes it for any loss, and shows the same MSS throughout."""
    connection = seen.opened(PORTS["client1"]).connection
    sendings = connection.sendings(connection.lost[0])
    arrived = [len(frame.delivered_at) for frame in sendings]
    lengths = equals({tcp_of(frame).data_length for frame in sendings}, {FULL}, "bytes")
    sizes = seen.ends(connection)["client1"].info("ESTABLISHED", "pmtu", "snd_mss")
    mended = equals(arrived, [0] * (len(arrived) - 1) + [1], "deliveries")
    return all_of(mended, at_least(len(arrived), 1 + RETRIES + 1), lengths, equals(sizes or None, ((1500, FULL),)))


@claim(RFC("4821", "7.2"), Man("tcp(7)"), Kernel("net/ipv4/tcp_timer.c", "tcp_mtu_probing"))
def with_probing_segments_of_tcp_base_mss_get_through_though_no_mtu_is_known(seen: Evidence) -> Verdict:
    """A guess at what any path takes: the MTU of the path stays what it was, and a shorter MSS is used."""
    connection = seen.opened(PORTS["client2"]).connection
    came = [tcp_of(frame).data_length for frame in connection.sent_by("client2", data=True) or () if frame.delivered_at]
    sizes = seen.ends(connection)["client2"].info("ESTABLISHED", "pmtu", "snd_mss")
    return all_of(equals(max(came, default=None), BASE), equals(sizes or None, ((1500, FULL), (1500, BASE)), "bytes"))


@claim(Kernel("net/ipv4/tcp_timer.c", "retransmits_timed_out"), Man("tcp(7)"))
def it_guesses_at_the_timeout_that_makes_it_longer_than_tcp_retries1_in_all(seen: Evidence) -> Verdict:
    """Not counted but timed: as long as so many doubled timeouts of 200 ms take, from the first retransmission on."""
    connection = seen.opened(PORTS["client2"]).connection
    _, first, *later = connection.sendings(connection.lost[0])
    waited = [(frame.sent_at - first.sent_at) / NS for frame in later]
    longest, tick = RTO_MIN * (2 ** (RETRIES + 1) - 1), 1 / seen.kernel.hz
    not_yet = at_most(waited[-2] if len(waited) > 1 else None, longest + tick, "s")
    return all_of(not_yet, at_least(waited[-1] if waited else None, longest - tick, "s"))
