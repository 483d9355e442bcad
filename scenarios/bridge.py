"""The bridge: it forwards a frame to the port of its receiver, and a broadcast to all ports.

To send a frame, the client needs the receiver's MAC address, so it first asks all hosts for it by broadcast.

    client1                          client2                        server
    10.0.0.3                         10.0.0.4                       10.0.0.2
      |  who has 10.0.0.2?  ----------> | ---------------------------> |  ARP request, to the broadcast address
      |  <--------------------------------  10.0.0.2 is at 02:00:…:01  |  ARP reply, to client1 alone
      |  SYN (queued until the reply)  ------------------------------> |
      |  SYN of the second connection (no request needed)  ----------> |

Read next: RFC 826; RFC 1122 section 2.3.2; arp(7); Stevens, TCP/IP Illustrated vol. 1, chapter 4.
"""

from badwire.claims import RFC, Checks, Kernel, Man, at_least, claim, equals
from badwire.evidence import NS, Evidence, Frame, NotRecorded, Records
from badwire.faults import Delay
from badwire.packets.packet import decode
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT = 7001
DELAY = 50 * ms  # added to every frame, ARP too, in each direction
REQUEST = 1  # RFC 826: ar$op
REPLY = 2
OTHERS = ("client2", "server")  # all hosts but client1
# Sender and receiver of the ARP frames before the first SYN. A broadcast is recorded once for each receiver.
BEFORE_SYN = {("client1", "client2"), ("client1", "server"), ("server", "client1")}
REQUEST_FRAME = "request: who has server's address?"
REPLY_FRAME = "reply to client1: server's MAC address"


@scenario("Every host is asked for the server's MAC address before the first SYN", hosts={"client": 2})
def bridge(lab: Lab) -> None:
    # The hosts are client1 and client2, besides the server.
    server = lab.host("server")
    client = lab.host("client1")
    listener = server.listen(PORT)
    with lab.wire.fault(Delay(DELAY)):
        for _ in range(2):
            client.connect(server.at(PORT)).close()
            listener.accept().close()
            server.wait_while(state="LAST_ACK")


@claim("The ARP request reaches every other host, but only its owner replies", RFC("826"), RFC("1122", "2.3.2"))
def all_are_asked(run: Evidence) -> Checks:
    """The request names the server's IP address. The reply is sent to the host that asked, and to no other."""
    syn = run.connection(PORT).side("client1").segments("S").first
    before = run.frames(protocol="arp").where(lambda frame: frame.sent_at <= syn.sent_at)
    for host in OTHERS:
        request = arp(run, before, "client1", host)
        yield equals("client1's broadcast, as received by {host}", request, REQUEST_FRAME, host=host)
    yield equals("server's ARP frame to client1", arp(run, before, "server", "client1"), REPLY_FRAME)
    others = before.where(lambda frame: (frame.source, frame.toward) not in BEFORE_SYN)
    yield equals("other ARP frames before the SYN", len(others), 0, "frames")


@claim(
    "The first SYN waits for the ARP reply, so connect takes longer",
    RFC("1122", "2.3.2.2"),
    Kernel("net/core/neighbour.c", "__neigh_event_send"),
)
def syn_waits(run: Evidence) -> Checks:
    """The kernel queues the SYN until the reply arrives. ARP and the handshake take one round trip each, so connect
    takes two round trips, and a round trip is twice the delay."""
    connect = run.host("client1").call("connect")
    yield at_least("connect takes", connect.took, 4 * DELAY, "s")
    syn = run.connection(PORT).side("client1").segments("S").first
    reply = run.frames("server", "client1", protocol="arp").first
    yield at_least("the SYN leaves after the ARP reply arrives, by", (syn.sent_at - reply.arrived) / NS, 0, "s")


@claim("The next connection needs no ARP request", RFC("826"), Man("arp(7)"))
def next_needs_none(run: Evidence) -> Checks:
    """The kernel keeps the address from the reply, and treats it as valid for at least 15 s (half of
    base_reachable_time_ms)."""
    opened = run.connections(PORT).map(lambda connection: connection.opened)
    yield equals("the handshake of each connection is complete", opened, [True, True])
    requests = run.frames("client1", "server", protocol="arp").where(is_request)
    yield equals("ARP requests for both connections", len(requests.required), 1, "requests")


@claim("client2 gets the ARP request and no other frame", RFC("826"), Man("bridge(8)"))
def third_host(run: Evidence) -> Checks:
    """From the source of every frame the bridge learns behind which port that MAC address is. When client1's SYN comes,
    it knows the server's port from the reply. From then on it forwards only broadcasts to all of its ports."""
    sent = run.frames("client1", "client2").map(lambda frame: frame.packet.protocol)
    yield equals("frames sent to client2 or by broadcast", sent, ["arp"])
    yield equals("frames of other hosts at client2's port", passed_to(run, "client2"), ["arp from client1"])


def arp(run: Evidence, frames: Records[Frame], source: str, to: str) -> str | None:
    """The last ARP frame from one host to another, in words such as REQUEST_FRAME, or ``none``.

    None (nothing to check) where no ARP frames were recorded.
    """
    if not frames:
        return None
    found = frames.where(lambda frame: (frame.source, frame.toward) == (source, to))
    if not found:
        return "none"
    packet = found.last.arp
    assert packet is not None  # they were selected by their protocol
    hosts = {address: host for host, address in run.hosts.items()}
    sender = hosts.get(packet.sender, packet.sender)
    target = hosts.get(packet.target, packet.target)
    if packet.operation == REQUEST:
        return f"request: who has {target}'s address?"
    if packet.operation == REPLY:
        return f"reply to {target}: {sender}'s MAC address"
    return f"operation {packet.operation}"


def is_request(frame: Frame) -> bool:
    """Whether a frame is an ARP request."""
    return frame.arp is not None and frame.arp.operation == REQUEST


def passed_to(run: Evidence, host: str) -> Records[str]:
    """The frames that the bridge forwarded to a host's port, each with its protocol and sender: ``arp from client1``.

    Frames that no host sent are left out, since an engine's bridge sends frames of its own. Raises NotRecorded when the
    capture is not complete, since other frames may have been forwarded too.
    """
    if not run.capture_is_complete:
        raise NotRecorded.of(
            "the capture is not complete, so other frames may have been forwarded to {host}", host=host
        )
    senders = {frame.data: frame.port for frame in run.wire.capture.frames if frame.direction == "in"}
    passed = [frame.data for frame in run.wire.capture.frames if frame.port == host and frame.direction == "out"]
    found = [f"{decode(data).protocol} from {senders[data]}" for data in passed if data in senders]
    return Records(found, "frames", "no frame was forwarded to {host}", host=host)
