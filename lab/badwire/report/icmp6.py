"""ICMPv6 messages in the words of tcpdump(8)."""

from badwire.packets.packet import Icmp6, Packet

NEIGHBOUR_SOLICITATION = 135  # RFC 4861 section 4.3
_PORT_UNREACHABLE = (1, 4)  # type and code (RFC 4443 section 3.1)
# Of the types and codes of RFC 4443 sections 3 and 4, RFC 4861 section 4, RFC 2710 section 3 and RFC 3810 section 5.
_BY_TYPE = {
    128: "echo request",
    129: "echo reply",
    130: "multicast listener query",
    131: "multicast listener report",
    132: "multicast listener done",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
    137: "redirect",
    143: "multicast listener report v2",
}
_BY_TYPE_AND_CODE = {
    (1, 0): "destination unreachable, unreachable route",
    (1, 1): "destination unreachable, unreachable prohibited",
    (1, 2): "destination unreachable, beyond scope",
    (1, 3): "destination unreachable, unreachable address",
    (1, 4): "destination unreachable, unreachable port,",
    (2, 0): "packet too big, mtu",
    (3, 0): "time exceeded in-transit for",
    (3, 1): "time exceeded in-transit (reassembly)",
    (4, 0): "parameter problem, erroneous",
    (4, 1): "parameter problem, next header",
    (4, 2): "parameter problem, option",
}
# The errors that tcpdump prints with the destination of the datagram that they quote.
_WITH_DESTINATION = {(1, 0), (1, 1), (1, 2), (1, 3), (3, 0)}


def words(icmp: Icmp6) -> str:
    """What the message says, without its length, such as ``neighbor solicitation, who has fd00::2``."""
    known = _BY_TYPE_AND_CODE.get((icmp.type, icmp.code)) or _BY_TYPE.get(icmp.type)
    if known is None:
        return f"type {icmp.type} code {icmp.code}"
    if icmp.next_mtu is not None:
        return f"{known} {icmp.next_mtu}"
    if icmp.echo is not None:
        identifier, sequence = icmp.echo
        return f"{known}, id {identifier}, seq {sequence}"
    if icmp.target is not None:
        verb = "who has" if icmp.type == NEIGHBOUR_SOLICITATION else "tgt is"
        return f"{known}, {verb} {icmp.target}"
    if icmp.quoted is None or icmp.quoted.ip is None:
        return known.removesuffix(",")
    destination = icmp.quoted.ip.destination
    if (icmp.type, icmp.code) in _WITH_DESTINATION:
        return f"{known} {destination}"
    if (icmp.type, icmp.code) == _PORT_UNREACHABLE:
        return f"{known} {destination}{_port(icmp.quoted)}"
    return known


def _port(quoted: Packet) -> str:
    """The port that was not reached, with its protocol; empty if the quotation ends before it."""
    if quoted.ports is None:
        return ""
    _source, port = quoted.ports
    return f" {quoted.protocol} port {port}"


def label(icmp: Icmp6) -> str:
    """A short label for an arrow."""
    if icmp.target is not None:
        return f"who has {icmp.target}?" if icmp.type == NEIGHBOUR_SOLICITATION else f"{icmp.target} is here"
    if icmp.next_mtu is not None:
        return f"packet too big, MTU {icmp.next_mtu}"
    known = _BY_TYPE_AND_CODE.get((icmp.type, icmp.code)) or _BY_TYPE.get(icmp.type)
    if known is None:
        return f"ICMPv6 type {icmp.type} code {icmp.code}"
    return known.removeprefix("destination unreachable, ").removesuffix(",").removesuffix(" for")
