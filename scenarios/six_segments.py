"""Six segments fill the window: a figure of the textbooks, as it is drawn and as the kernel does it.

    client                                              server
      |  SYN, MSS 1460, window 4096  ------------------>  |  2920, says the kernel: two whole segments
      |  <------------------  SYN, MSS 1024, window 6144  |  six whole segments
      |  ACK  ----------------------------------------->  |
      |  bytes 1 to 1024  ----------------------------->  |
      |  1025, 2049, 3073, 4097  ---------------------->  |
      |  5121 to 6144  -------------------------------->  |  the window is full: no more before an ACK
      |  <-----------------------  ACK 1025, window 5120  |  nobody reads, so the window ends where it did

The receivers have buffers of 4 KiB and of 6 KiB. A first window is as many whole segments as half of the buffer holds,
which for that is twice as long as was asked for. Here each way takes 25 ms, so that all six leave before an ACK comes.
Read next: RFC 9293 section 3.8.6; tcp(7) on TCP_MAXSEG; Stevens, TCP/IP Illustrated vol. 1, section 15.5.
"""

from badwire.faults import Delay
from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import Evidence, tcp_of
from badwire.old.evidence.windows import next_wanted, offers, sendings
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

AS_DRAWN, ALIKE = 7001, 7002  # ports; to the second one the client names an MSS of 1024, too
HERE, THERE, MSS, MESSAGE = 4096, 6144, 1024, bytes(20_480)  # the client's buffer, the server's and its MSS
HEADERS = 40  # bytes of an IP and a TCP header without options
PINNED = {"tcp_timestamps": "0", "tcp_adv_win_scale": "1", "tcp_congestion_control": "reno"}
WHOLE = "on the MSS: a first window is a number of whole segments; with 1460 a receiver of 4 KiB offers 2920 bytes"
MEMORY = "on memory: a buffer counts what segments take in the kernel, and has room for at least what was offered"


@scenario("Six segments fill a window of 6 KiB", sysctls={f"net.ipv4.{name}": value for name, value in PINNED.items()})
def six_segments(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for port in AS_DRAWN, ALIKE:
        listener, writer = server.socket("tcp", port), client.socket()
        for end, buffer in (listener, THERE), (writer, HERE):
            end.set_option("SOL_SOCKET", "SO_RCVBUF", buffer)
            if end is listener or port == ALIKE:
                end.set_option("IPPROTO_TCP", "TCP_MAXSEG", MSS)
        listener.listen()
        with lab.wire.fault(Delay(25 * ms)):
            writer.connect(server.at(port))
            writer.send(MESSAGE)
            client.wait_until(state="ESTABLISHED", port=port, where=lambda entry: entry["timer"] == "probe")


@claim(Kernel("net/ipv4/tcp_output.c", "tcp_select_initial_window"), Man("socket(7)"), Text("T32", depends=WHOLE))
def a_first_window_is_as_many_whole_segments_as_the_buffer_was_asked_to_hold(seen: Evidence) -> Verdict:
    full = seen.facts("client").mtu - HEADERS
    offered = {port: tuple(tcp_of(each).window for each in seen.opened(port)[1:3]) for port in (AS_DRAWN, ALIKE)}
    return equals(offered, {AS_DRAWN: (HERE - HERE % full, THERE), ALIKE: (HERE, THERE)}, "bytes")


@claim(RFC("9293", "3.8.6"), Text("T32"))
def six_segments_of_a_kibibyte_fill_it_and_the_sender_stops(seen: Evidence) -> Verdict:
    """Ten would be the congestion window's first flight. The seventh leaves when an ACK has moved the right edge on."""
    sent = sendings(seen.opened(AS_DRAWN).connection, "client") or ()
    flight = [(tcp_of(each.frame).data_length, each.room) for each in sent if each.highest == sent[0].highest]
    return equals(flight or None, [(MSS, room) for room in range(THERE - MSS, -1, -MSS)], "bytes, and bytes of room")


@claim(RFC("9293", "3.4"), Text("T30"))
def each_byte_has_a_number_and_an_ack_names_the_next_one_wanted(seen: Evidence) -> Verdict:
    """The first byte is number 1; no ACK is ahead of what has come, and the last one is no longer behind."""
    connection = seen.opened(AS_DRAWN).connection
    sent = sendings(connection, "client") or ()
    numbers = equals([each.first for each in sent] or None, [1, *(each.end for each in sent)][: len(sent)])
    acks = offers(connection, "server") or ()
    behind = [next_wanted(connection, "server", each.frame.sent_at) - each.ack for each in acks]
    return all_of(numbers, at_least(min(behind, default=None), 0, "bytes"), equals(behind[-1:] or None, [0], "bytes"))


@claim(Kernel("net/ipv4/tcp_input.c", "tcp_try_rmem_schedule"), Text("T32", depends=MEMORY))
def what_nobody_reads_takes_at_least_the_first_window_and_at_most_the_whole_buffer(seen: Evidence) -> Verdict:
    """The buffer is twice as long as was asked for: the other half is for what the kernel keeps beside the data."""
    ends = [seen.ends(seen.opened(port).connection)["server"] for port in (AS_DRAWN, ALIKE)]
    return all_of(*(within(end.last("ESTABLISHED").rqueue, THERE, 2 * THERE, "bytes") for end in ends))
