"""A frame, a call, a program or a fault as text, in the notation of tcpdump(8), strace(1) and tc(8)."""

from collections.abc import Iterator, Mapping
from typing import Any

from badwire.evidence.frames import Frame
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.evidence.wire import FaultPeriod, UnknownFault
from badwire.faults import grammar
from badwire.packets.packet import Arp, Icmp, TcpOption
from badwire.report import icmp6
from badwire.store.records import Call, Program
from badwire.util.text import endpoint

ARP_REQUEST = 1  # ar$op in RFC 826
_FLAG_NAMES = {
    "S": "SYN",
    "F": "FIN",
    "R": "RST",
}
_LONGEST = 60  # the most characters that are shown of an argument or a result of a call


def connection(stream: TcpStream) -> str:
    """The two ends: ``client:40001 server:7000``."""
    return f"{stream.client}:{stream.client_port} {stream.server}:{stream.server_port}"


def label(frame: Frame, connection: TcpStream | None) -> str:
    """A short label for an arrow: flags, first number, acknowledgment, bytes."""
    packet = frame.packet
    if packet.tcp is not None and connection is not None:
        return ", ".join(_segment_label(frame, connection))
    if packet.udp is not None:
        return f"UDP, {_bytes(packet.udp.data_length)}"
    if packet.arp is not None:
        return _arp_label(packet.arp)
    if packet.icmp is not None:
        return _icmp(packet.icmp)
    if packet.icmp6 is not None:
        return icmp6.label(packet.icmp6)
    if packet.ip is not None and packet.ip.is_fragment:
        return f"fragment at {packet.ip.offset}"
    return packet.unread or packet.protocol


def _arp_label(arp: Arp) -> str:
    if arp.operation == ARP_REQUEST:
        return f"who has {arp.target}?"
    return f"{arp.sender} is here"


def _icmp(icmp: Icmp) -> str:
    return f"ICMP type {icmp.type} code {icmp.code}"


def _segment_label(frame: Frame, connection: TcpStream) -> Iterator[str]:
    segment = tcp_of(frame)
    names = [name for letter, name in _FLAG_NAMES.items() if letter in segment.flags]
    if segment.length:
        names.append(f"seq {connection.seq(frame)}")
    if names:
        yield " ".join(names)
    if segment.data_length:
        yield _bytes(segment.data_length)
    if "A" in segment.flags:
        yield f"ACK {connection.ack(frame)}"
    yield f"win {segment.window}"
    if segment.options.mss is not None:
        yield f"mss {segment.options.mss}"


def _bytes(number: int) -> str:
    return "1 byte" if number == 1 else f"{number} bytes"


def tcpdump(frame: Frame, connection: TcpStream | None) -> str:
    """A frame as tcpdump(8) prints it, with relative numbers from the first segment on."""
    packet = frame.packet
    if packet.arp is not None:
        return _arp(packet.arp)
    if packet.ip is None:
        return f"{packet.unread}, length {frame.length}"
    version = "IP" if packet.ip.version == 4 else "IP6"
    source = packet.ip.source
    destination = packet.ip.destination
    between = f"{version} {source} > {destination}:"
    if packet.icmp is not None:
        return f"{between} {_icmp(packet.icmp)}"
    if packet.icmp6 is not None:
        return f"{between} ICMP6, {icmp6.words(packet.icmp6)}, length {packet.icmp6.length}"
    if packet.ports is None:
        fragment = f", fragment {packet.ip.id} at {packet.ip.offset}" if packet.ip.is_fragment else ""
        return f"{between} protocol {packet.ip.protocol}{fragment}, length {packet.ip.length}"
    source_port, destination_port = packet.ports
    ends = f"{version} {source}.{source_port} > {destination}.{destination_port}:"
    if packet.udp is not None:
        return f"{ends} UDP, length {packet.udp.data_length}"
    segment = ", ".join(_segment(frame, connection))
    return f"{ends} {segment}"


def _arp(arp: Arp) -> str:
    if arp.operation == ARP_REQUEST:
        return f"ARP, Request who-has {arp.target} tell {arp.sender}"
    return f"ARP, Reply {arp.sender}"


def _segment(frame: Frame, connection: TcpStream | None) -> Iterator[str]:
    """The parts of a segment; its numbers are absolute without its connection."""
    segment = tcp_of(frame)
    seq = segment.seq
    ack = segment.ack
    if connection is not None:
        seq = connection.seq(frame)
        ack = connection.ack(frame)
    flags = segment.flags.replace("A", ".")
    yield f"Flags [{flags}]"
    if segment.data_length:
        yield f"seq {seq}:{seq + segment.data_length}"
    elif segment.length:
        yield f"seq {seq}"
    if "A" in segment.flags:
        yield f"ack {ack}"
    yield f"win {segment.window}"
    options = ",".join(_options(frame))
    if options:
        yield f"options [{options}]"
    yield f"length {segment.data_length}"


def _options(frame: Frame) -> Iterator[str]:
    options = tcp_of(frame).options
    if options.mss is not None:
        yield f"mss {options.mss}"
    if options.sack_permitted:
        yield "sackOK"
    if options.timestamp is not None:
        yield f"TS val {options.timestamp} ecr {options.echo}"
    if options.window_scale is not None:
        yield f"wscale {options.window_scale}"
    for left, right in options.sack:
        yield f"sack {left}-{right}"
    if options.fast_open is not None:
        yield f"tfo cookie {options.fast_open.hex()}" if options.fast_open else "tfo cookiereq"
    for option in options.others:
        yield _option(option)


def _option(option: TcpOption) -> str:
    """An option that is not decoded: its kind, its length, and its value in hexadecimal."""
    shown = f"kind {option.kind} length {option.length}"
    if option.value:
        shown += f" 0x{option.value.hex()}"
    return shown


def fields(frame: Frame) -> dict[str, int]:
    """The header fields that ``tcpdump`` does not show, by their names in RFC 791, RFC 8200 and RFC 9293."""
    found = {"bytes on the wire": frame.length}
    ip = frame.ip
    if ip is not None:
        if ip.version == 4:
            found["IP id"] = ip.id
            found["DF"] = int(ip.dont_fragment)
        elif ip.is_fragment:
            found["fragment id"] = ip.id
        found["TTL" if ip.version == 4 else "hop limit"] = ip.ttl
        found["IP length"] = ip.length
        if ip.is_fragment:
            found["fragment offset"] = ip.offset
    tcp = frame.tcp
    if tcp is not None:
        found["SEG.SEQ"] = tcp.seq
        found["SEG.ACK"] = tcp.ack
        found["SEG.LEN"] = tcp.length
        found["SEG.WND"] = tcp.window
    return found


def faults_by(environment: Mapping[str, Any]) -> str:
    """The engines that carried out faults, and which of them did not draw from the seed: "netem (not seeded)"."""
    not_seeded = environment.get("not_seeded") or ()
    names = [
        f"{engine} (not seeded)" if engine in not_seeded else str(engine) for engine in environment["engines_used"]
    ]
    return " and ".join(names)


def given(environment: Mapping[str, Any]) -> list[str]:
    """What was given to the run: parameters as "bytes=1000000", programs under test and variables of programs."""
    parameters = [f"{name}={value_text(value)}" for name, value in environment.get("parameters", {}).items()]
    variables = [f"env {name}={value}" for name, value in environment.get("env", {}).items()]
    subjects = [subject_text(name, subject) for name, subject in environment.get("subjects", {}).items()]
    return [*parameters, *subjects, *variables]


def subject_text(name: str, subject: object) -> str:
    """A program under test, as "subject server=my_server (SHA-256 0123456789ab)"."""
    if not isinstance(subject, Mapping):
        return f"subject {name}"
    return f"subject {name}={subject.get('file')} (SHA-256 {str(subject.get('sha256'))[:12]})"


def value_text(value: object) -> str:
    """A parameter's value as ``--set`` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def call(call: Call) -> str:
    """A call as strace(1) shows it: ``bind(0.0.0.0:7000) = EADDRINUSE``; or that it has not returned."""
    args = ", ".join(map(_short, call.args))
    if not call.returned:
        return f"{call.call}({args}) has not returned"
    return f"{call.call}({args}) = {result(call)}"


def result(call: Call) -> str:
    """A call's result: its errno, or its value, with the address that came with it."""
    if call.errno:
        return call.errno
    if call.value is None:
        return "0"
    if isinstance(call.value, list) and len(call.value) == 2:
        value, address = call.value
        if _is_address(address):
            return f"{_short(value)} from {_short(address)}"
    return _short(call.value)


def _short(value: Any) -> str:
    """An argument or a result as text; long bytes as their number, other long text cut off."""
    if _is_address(value):
        address, port, *_flow_and_scope = value
        return endpoint(str(address), port)
    if isinstance(value, bytes):
        shown = repr(value)
        return shown if len(shown) <= _LONGEST else _bytes(len(value))
    text = str(value)
    if len(text) > _LONGEST:
        return f"{text[:_LONGEST]}…"
    return text


def _is_address(value: Any) -> bool:
    """Whether it is an address with its port, to which IPv6 adds flow and scope."""
    return isinstance(value, tuple | list) and len(value) in (2, 4) and isinstance(value[1], int)


def started(program: Program) -> str:
    """A program's start: its name and its arguments."""
    arguments = program.argv[1:]
    for index, argument in enumerate(program.argv):
        if program.name in argument:  # its script, after the interpreter
            arguments = program.argv[index + 1 :]
            break
    return " ".join([program.name, *arguments])


def ended(program: Program) -> str:
    """How a program ended."""
    reason = program.signal or f"status {program.status}"
    return f"{program.name} ended: {reason}"


def fault(period: FaultPeriod) -> str:
    """A fault as `badwire fault set` takes it, ``delay=50ms``; an unknown one as it was recorded."""
    if isinstance(period.fault, UnknownFault):
        return period.fault.recorded
    return grammar.text(period.fault)
