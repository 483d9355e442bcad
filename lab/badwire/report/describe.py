"""A frame, a call, a program or a fault as text, in the notation of tcpdump(8), strace(1) and tc(8)."""

from typing import Any

from badwire.evidence.frames import Frame
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.evidence.wire import FaultPeriod, UnknownFault
from badwire.faults import grammar
from badwire.store.records import Call, Program

_LONGEST = 60  # the most characters that are shown of an argument or a result of a call


def connection(each: TcpStream) -> str:
    """The two ends: ``client:40001 server:7000``."""
    return f"{each.client}:{each.client_port} {each.server}:{each.server_port}"


def label(frame: Frame, connection: TcpStream | None) -> str:
    """A short label for an arrow: flags, first number, acknowledgment, bytes."""
    packet = frame.packet
    if packet.tcp is not None and connection is not None:
        return ", ".join(part for part in _tcp_parts(frame, connection) if part)
    if packet.udp is not None:
        return f"UDP, {_bytes(packet.udp.data_length)}"
    if packet.arp is not None:
        return f"who has {packet.arp.target}?" if packet.arp.operation == 1 else f"{packet.arp.sender} is here"
    if packet.icmp is not None:
        return f"ICMP type {packet.icmp.type} code {packet.icmp.code}"
    return packet.protocol


def _tcp_parts(frame: Frame, connection: TcpStream) -> tuple[str, ...]:
    segment = tcp_of(frame)
    flags = " ".join(name for letter, name in (("S", "SYN"), ("F", "FIN"), ("R", "RST")) if letter in segment.flags)
    seq = f"{flags} seq {connection.seq(frame)}".strip() if segment.length else flags
    data = _bytes(segment.data_length) if segment.data_length else ""
    ack = f"ACK {connection.ack(frame)}" if "A" in segment.flags else ""
    mss = segment.options.mss
    return seq, data, ack, f"win {segment.window}", f"mss {mss}" if mss is not None else ""


def _bytes(number: int) -> str:
    return f"{number} byte{'s' * (number != 1)}"


def tcpdump(frame: Frame, connection: TcpStream | None) -> str:
    """A frame as tcpdump(8) prints it, with relative numbers from the first segment on."""
    packet = frame.packet
    if packet.arp is not None:
        if packet.arp.operation == 1:
            return f"ARP, Request who-has {packet.arp.target} tell {packet.arp.sender}"
        return f"ARP, Reply {packet.arp.sender}"
    if packet.ip is None:
        return f"{packet.protocol}, length {frame.length}"
    source, target = packet.ip.source, packet.ip.destination
    if packet.icmp is not None:
        return f"IP {source} > {target}: ICMP type {packet.icmp.type} code {packet.icmp.code}"
    if packet.ports is None:
        return f"IP {source} > {target}: protocol {packet.ip.protocol}, length {packet.ip.length}"
    ends = f"IP {source}.{packet.ports[0]} > {target}.{packet.ports[1]}:"
    if packet.udp is not None:
        return f"{ends} UDP, length {packet.udp.data_length}"
    return f"{ends} {_segment(frame, connection)}"


def _segment(frame: Frame, connection: TcpStream | None) -> str:
    segment = tcp_of(frame)
    seq = connection.seq(frame) if connection else segment.seq
    ack = connection.ack(frame) if connection else segment.ack
    flags = "".join("." if letter == "A" else letter for letter in segment.flags)
    parts = [f"Flags [{flags}]"]
    if segment.length:
        parts.append(f"seq {seq}:{seq + segment.data_length}" if segment.data_length else f"seq {seq}")
    if "A" in segment.flags:
        parts.append(f"ack {ack}")
    parts.append(f"win {segment.window}")
    if options := _options(frame):
        parts.append(f"options [{options}]")
    return ", ".join([*parts, f"length {segment.data_length}"])


def _options(frame: Frame) -> str:
    options = tcp_of(frame).options
    shown = [] if options.mss is None else [f"mss {options.mss}"]
    shown += ["sackOK"] if options.sack_permitted else []
    shown += [] if options.timestamp is None else [f"TS val {options.timestamp} ecr {options.echo}"]
    shown += [] if options.window_scale is None else [f"wscale {options.window_scale}"]
    shown += [f"sack {left}-{right}" for left, right in options.sack]
    return ",".join(shown)


def fields(frame: Frame) -> dict[str, int]:
    """The header fields that ``tcpdump`` does not show, by their names in RFC 791 and RFC 9293."""
    packet = frame.packet
    found = {"bytes on the wire": frame.length}
    if packet.ip is not None:
        ip = packet.ip
        found |= {"IP id": ip.id, "TTL": ip.ttl, "IP length": ip.length, "DF": int(ip.dont_fragment)}
    if packet.tcp is not None:
        tcp = packet.tcp
        found |= {"SEG.SEQ": tcp.seq, "SEG.ACK": tcp.ack, "SEG.LEN": tcp.length, "SEG.WND": tcp.window}
    return found


def call(each: Call) -> str:
    """A call as strace(1) shows it: ``bind(0.0.0.0:7000) = EADDRINUSE``."""
    return f"{each.call}({', '.join(_short(arg) for arg in each.args)}) = {result(each)}"


def result(each: Call) -> str:
    """A call's result: its errno, or its value, with the address that came with it."""
    if each.errno or each.value is None:
        return each.errno or "0"
    if isinstance(each.value, list) and len(each.value) == 2 and _is_address(each.value[1]):
        return f"{_short(each.value[0])} from {_short(each.value[1])}"
    return _short(each.value)


def _short(value: Any) -> str:
    if _is_address(value):
        return f"{value[0]}:{value[1]}"
    if isinstance(value, bytes):
        return text if len(text := repr(value)) <= _LONGEST else _bytes(len(value))
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_address(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], int)


def started(program: Program) -> str:
    """A program's start: its name and its arguments."""
    script = next((place for place, word in enumerate(program.argv) if program.name in word), 0)
    return " ".join([program.name, *program.argv[script + 1 :]])


def ended(program: Program) -> str:
    """How a program ended."""
    return f"{program.name} ended: {program.signal or f'status {program.status}'}"


def fault(each: FaultPeriod) -> str:
    """A fault as `badwire fault set` takes it, ``delay=50ms``; an unknown one as it was recorded."""
    if isinstance(each.fault, UnknownFault):
        return each.fault.recorded
    return grammar.text(each.fault)
