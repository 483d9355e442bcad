"""The sliding window: the receiver announces how many bytes may be in flight. At zero the sender stops, and probes.

    client                                     server
      |  data  ---------------------------->     |  its program does not read
      |  <------  ACK 50001, window 10000        |  bytes up to number 60000 may be sent
      |  data up to number 60000  --------->     |
      |  <----------  ACK 60001, window 0        |  the buffer is full
      |  probe, number 60000, no data  ---->     |  after an RTO, then after 2, 4 and 8 RTOs
      |  <----------  ACK 60001, window 0        |  each probe is answered: still zero
      |  <------  ACK 60001, window 30000        |  the program reads
      |  data  ---------------------------->     |

Read next: RFC 9293 section 3.8.6; RFC 7323 section 2; Stevens, TCP/IP Illustrated vol. 1, chapter 15.
"""

from itertools import pairwise

from badwire.claims import RFC, Checks, Kernel, Man, Text, at_least, between, claim, each, equals, never, seen
from badwire.evidence import NS, Evidence, Frame, Records, SentSegment, Side, tcp_of
from badwire.faults import Delay
from badwire.linux.timers import RTO_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT = 7001
MESSAGE = bytes(100_000)
PROBES = 4
READS = "the rest is read"
# A buffer that does not grow, and that is large enough for window scaling: the window counts in units of some bytes.
PINNED = {
    "net.ipv4.tcp_rmem": "4096 65536 65536",
    "net.ipv4.tcp_moderate_rcvbuf": "0",
    "net.ipv4.tcp_shrink_window": "0",
    "net.ipv4.tcp_window_scaling": "1",
    "net.ipv4.tcp_congestion_control": "reno",
}


@scenario("The window closes and opens", sysctls=PINNED)
def sliding_window(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    listener = server.listen(PORT)
    with lab.wire.fault(Delay(25 * ms)):
        sending = client.connect(server.at(PORT)).begin("send", MESSAGE)
        accepted = listener.accept()
        client.wait_until(state="ESTABLISHED", where=lambda entry: entry["info"]["backoff"] >= PROBES, timeout=30)
        accepted.recv(1)
        lab.pass_time(1, "the window stays closed when one byte is read")
        lab.note(READS)
        accepted.call("recv", len(MESSAGE) - 1, "MSG_WAITALL")
        sending.result()
        lab.pass_time(1, "the last acknowledgment arrives")
        client.wait_until(state="ESTABLISHED", port=PORT)  # takes a sample, which shows the last window


@claim(
    "No byte is sent beyond the right edge of the window that is known",
    RFC("9293", "3.8.6"),
    RFC("7323", "2.3"),
    Text("T32"),
)
def not_beyond_the_window(run: Evidence) -> Checks:
    """Each segment is compared with the windows that had arrived before it left, scaled by the factor in the server's
    SYN-ACK."""
    sent = run.established(PORT).client.sent_against_window()
    yield seen("segments with data", sent)
    yield never("segments beyond the right edge", sent.where(lambda segment: segment.room < 0), run)


@claim(
    "The window field counts units of 2 to the scale bytes, except in a SYN",
    RFC("7323", "2.2"),
    RFC("7323", "2.3"),
    Man("tcpdump(8)"),
    Text("T96", no="the number in the header counts units, as many bytes each as the scale in that side's SYN says"),
)
def units_of_the_window(run: Evidence) -> Checks:
    """The last window is compared with what the client's kernel takes it for. A sample shows that in tcp_info."""
    connection = run.established(PORT)
    client = connection.client
    sample = client.socket.last("ESTABLISHED")
    known = connection.server.windows.where(lambda update: has_arrived(update.frame, sample.t))
    scale = tcp_of(connection.opening.syn_ack).options.window_scale
    beyond = client.sent_against_window().map(beyond_the_number)
    yield at_least("scale in the SYN-ACK", scale, 1)
    yield equals("last window, as the client's kernel sees it", sample.field("snd_wnd"), known.last.window, "bytes")
    yield at_least("most bytes in flight beyond the number in the header", beyond.largest, 1, "bytes")


@claim(
    "Unread bytes fill the window, and the sender stops at its edge",
    RFC("9293", "3.8.6"),
    Kernel("net/ipv4/tcp_output.c", "tcp_select_window"),
    Text("T32"),
)
def stops_at_the_edge(run: Evidence) -> Checks:
    """The window becomes zero because bytes fill it. Its right edge never moves back, since tcp_shrink_window is 0."""
    connection = run.established(PORT)
    sent = connection.client.sent_against_zero_window
    with_data = sent.where(lambda segment: segment.frame.carries_data)
    off_the_edge = sent.where(lambda segment: segment.room != 0)
    yield seen("segments while the window is zero", sent)
    yield equals("segments with data among these", len(with_data), 0, "segments")
    yield equals("segments among these that are not at the edge of the window", len(off_the_edge), 0, "segments")
    steps = right_edge_steps(connection.server)
    yield at_least("smallest step of the right edge", steps.smallest, 0, "bytes")


@claim(
    "The sender probes a closed window after an RTO, then 2, 4 and 8 RTOs",
    RFC("9293", "3.8.6.1"),
    RFC("1122", "4.2.2.17"),
    Kernel("net/ipv4/tcp_timer.c", "tcp_probe_timer"),
)
def probes_back_off(run: Evidence) -> Checks:
    """Each wait counts from the answer to the last probe. A kernel timer never fires early. It may fire late on a busy
    machine, so we accept each wait up to the next one, which is twice as long."""
    client = run.established(PORT).client
    sent = client.sent_against_zero_window
    probes = sent.where(lambda segment: segment.is_probe)
    kinds = sent.map(lambda segment: "probe" if segment.is_probe else "not a probe")
    yield equals("each segment while the window is zero", kinds, ["probe"] * PROBES)
    probing = client.socket.samples.where(lambda sample: sample.timer == "probe" and sample.backoff > 0)
    rto = probing.first.rto
    for n, probe in enumerate(each("wait before a probe", probes)):
        yield between("wait before probe {n}", probe.waited, rto * 2**n, rto * 2 ** (n + 1), "s", n=n + 1)


@claim(
    "The window opens when a segment fits; then data is sent at once",
    RFC("9293", "3.8.6.2.2"),
    Kernel("net/ipv4/tcp_output.c", "__tcp_select_window"),
    Text("T32"),
)
def opens_for_a_segment(run: Evidence) -> Checks:
    """The first read, of one byte, does not open the window. The read of the rest does, and the receiver announces it
    without a probe. The data leaves before any timer, of 200 ms or more, could fire."""
    client = run.established(PORT).client
    first = client.first_after_zero_window
    announced = first.window.frame.sent_at
    yield at_least(
        "time from the read of the rest to the ACK that opens the window", (announced - run.at(READS)) / NS, 0, "s"
    )
    yield between("time from the arrival of that ACK to the next segment with data", first.waited, 0, RTO_MIN, "s")
    yield equals("relative number in the last ACK", client.acknowledged, len(MESSAGE) + 1)


def has_arrived(frame: Frame, t: int) -> bool:
    """Whether a frame had arrived by ``t`` (ns)."""
    return bool(frame.delivered_at) and frame.arrived <= t


def beyond_the_number(segment: SentSegment) -> int:
    """By how many bytes the data in flight, with this segment, exceeds the number in the last header with a window."""
    return segment.in_flight - tcp_of(segment.window.frame).window


def right_edge_steps(receiver: Side) -> Records[int]:
    """By how many bytes each window moved the right edge on, from the one before; negative where it moved back."""
    edges = receiver.windows.map(lambda update: update.right_edge)
    steps = (later - earlier for earlier, later in pairwise(edges))
    return Records(steps, "steps", "fewer than two windows of {host} were recorded", host=receiver.host)
