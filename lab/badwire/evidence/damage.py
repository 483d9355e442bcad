"""Which counter the receiver's kernel increments for a damaged frame."""

from badwire.evidence.frames import Frame
from badwire.packets.packet import ETHERNET_HEADER, Ip

IP_HEADER = 20  # bytes; no host of the lab sends IP options
UDP_HEADER = 8  # bytes
TCP_HEADER = 20  # bytes, without options
IP_END = ETHERNET_HEADER + IP_HEADER  # where the segment or datagram begins


def counters(frame: Frame) -> tuple[str | None, ...]:
    """For each damaged delivery of a frame, the counter of /proc/net/snmp that the receiver's kernel increments.

    None where a length in the TCP or UDP header is impossible, since the kernel checks the length before the checksum
    (tcp_v4_rcv and __udp4_lib_rcv); where only the Ethernet header is damaged; and where the frame carries no IPv4.
    """
    ip = frame.ip  # of an undamaged frame, too: one that cannot be read may have been damaged in a way that is not seen
    found: list[str | None] = []
    for arrived in frame.damaged:
        counter = None
        if ip is not None and ip.version == 4:
            counter = _counter(frame, ip, arrived)
        found.append(counter)
    return tuple(found)


def _counter(frame: Frame, ip: Ip, arrived: bytes) -> str | None:
    sent_header = frame.data[ETHERNET_HEADER:IP_END]
    arrived_header = arrived[ETHERNET_HEADER:IP_END]
    if sent_header != arrived_header:
        return "Ip.InHdrErrors"
    sent_rest = frame.data[IP_END:]
    arrived_rest = arrived[IP_END:]
    if sent_rest == arrived_rest:
        return None
    datagram_end = ETHERNET_HEADER + ip.length
    payload = arrived[IP_END:datagram_end]
    if frame.udp and _has_valid_udp_length(payload):
        return "Udp.InCsumErrors"
    if frame.tcp and _has_valid_data_offset(payload):
        return "Tcp.InCsumErrors"
    return None


def _has_valid_udp_length(datagram: bytes) -> bool:
    length = int.from_bytes(datagram[4:6], "big")
    return UDP_HEADER <= length <= len(datagram)


def _has_valid_data_offset(segment: bytes) -> bool:
    data_offset = segment[12] >> 4  # in 32-bit words
    header_length = data_offset * 4
    return TCP_HEADER <= header_length <= len(segment)
