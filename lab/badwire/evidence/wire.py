"""The records of the wire: frames, faults in force, the relay's decisions, and whether the capture is complete."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from badwire.errors import BadFault
from badwire.evidence.frames import Frame
from badwire.evidence.hidden import may_hide, unread
from badwire.evidence.join import join
from badwire.evidence.provenance import noted
from badwire.evidence.reassembly import Reassembled, reassemble
from badwire.evidence.records import Records
from badwire.evidence.selection import is_within, selects
from badwire.evidence.stream import Flags, TcpStream, streams
from badwire.faults import from_json
from badwire.faults.fault import Fault
from badwire.faults.selection import SOURCE_MAC, Matcher
from badwire.packets import ipv6
from badwire.packets.packet import decode
from badwire.packets.pcapng import CaptureFile
from badwire.packets.tcp_flags import has_flags
from badwire.store.records import Decision, Facts, Record


@dataclass(frozen=True)
class FaultPeriod:
    """A fault in force toward a host; ``ended`` is None when it was never lifted. Times in ns.

    The fault is the one that was set, with the host whose frames it is for, if it is for one, in its ``from_``.
    ``seeded`` is whether the random numbers that it drew, if any, came from the run's seed. ``mac`` is the address by
    which the relay knows the host of ``from_``; None if it was not recorded.
    """

    fault: Fault
    toward: str
    engine: str
    began: int
    ended: int | None
    seeded: bool = True
    mac: bytes | None = None

    @property
    def name(self) -> str:
        """The fault's name as it was recorded."""
        if isinstance(self.fault, UnknownFault):
            return self.fault.recorded_name
        return self.fault.name

    @property
    def from_(self) -> str | None:
        """The host whose frames it is for; None: any."""
        return self.fault.from_

    def may_apply_to(self, frame: Frame, margin: int = 0) -> bool:
        """Whether it was in force within ``margin`` (ns) of the frame's sending, and selects frames such as this one.

        True also if that cannot be known: for a later fragment, whose ports are those of another frame, and for a frame
        that the lab cannot read.
        """
        if frame.toward != self.toward or not self.in_force(frame.sent_at, margin):
            return False
        if self.from_ is not None:
            is_from = frame.source == self.from_ if self.mac is None else frame.data[SOURCE_MAC] == self.mac
            if not is_from:
                return False
        if self._by_headers is None or frame.decoded.unread or frame.decoded.is_later_fragment:
            return True
        return self._by_headers(frame.data)

    @cached_property
    def _by_headers(self) -> Matcher | None:
        return self.fault.header_matcher()

    def in_force(self, t: int, margin: int = 0) -> bool:
        """Whether it was in force within ``margin`` of ``t``, both in ns."""
        began = self.began - margin
        ended = self.ended
        if ended is not None:
            ended += margin
        return is_within(t, began, ended)


@dataclass(frozen=True)
class UnknownFault(Fault):
    """A fault of a saved run that this version does not know, or whose fields it does not accept.

    It may have lost or delayed any frame. ``recorded`` is its name and fields, for people.
    """

    recorded_name: str
    recorded: str
    name: ClassVar[str] = "unknown"
    stage: ClassVar[int] = Fault.DROP
    can_lose: ClassVar[bool] = True
    can_delay: ClassVar[bool] = True


@dataclass(frozen=True)
class UnreadFrame:
    """A frame that could not be read: when it was sent (ns), by which host, and what it is: ``ethertype 0x88cc``."""

    sent_at: int
    source: str
    what: str


def unread_kinds(frames: Iterable[UnreadFrame]) -> tuple[str, ...]:
    """Unread frames by sender and kind: ``1 frame of client that cannot be read (IP protocol 47)``."""
    counts = Counter((frame.source, frame.what) for frame in frames)
    kinds = []
    for (source, what), count in counts.items():
        noun = "frame" if count == 1 else "frames"
        kinds.append(f"{count} {noun} of {source} that cannot be read ({what})")
    return tuple(kinds)


def incomplete_datagrams(fragments: Iterable[Frame]) -> tuple[str, ...]:
    """Fragments by sender and datagram, for people."""
    counts = Counter((frame.source, frame.ip.protocol, frame.ip.id) for frame in fragments if frame.ip is not None)
    found = []
    for (source, protocol, ident), count in counts.items():
        noun = "fragment" if count == 1 else "fragments"
        datagram = f"IP protocol {protocol}, id {ident}"
        found.append(f"{count} {noun} of {source} that cannot be put together ({datagram})")
    return tuple(found)


UNSPECIFIED = "::"  # the source of a host that has no address yet (RFC 4291 section 2.5.2)
NOUNS = {
    "tcp": "segments",
    "udp": "datagrams",
}


class WireEvidence:
    """The frames and faults of a whole run.

    Args:
        records: all records of the run, in order.
        capture: the frames captured on the ports of the bridge.
        hosts: the IPv4 address of each host, by its name.
        hosts6: the IPv6 address of each host that has one, by its name.
        further: the addresses beside these, of each host that has some, by its name.
    """

    def __init__(
        self,
        records: Iterable[Record],
        capture: CaptureFile,
        hosts: Mapping[str, str],
        hosts6: Mapping[str, str] | None = None,
        further: Mapping[str, list[str]] | None = None,
    ) -> None:
        self._records = tuple(records)
        self._capture = capture
        self._hosts = hosts
        self._hosts6 = hosts6 or {}
        self._further = further or {}

    @property
    def capture(self) -> CaptureFile:
        """The capture itself, for a claim about frames that ``frames`` leaves out, such as those to a group."""
        may_hide([unread(frame.source, frame.what) for frame in self.unread])
        return self._capture

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """Every frame that was sent, in order, with its deliveries."""
        return join(
            self._capture.frames,
            hosts=self._hosts,
            macs=self._macs,
            addresses=self.addresses,
            decisions=self.decisions,
        )

    @cached_property
    def _macs(self) -> Mapping[str, str]:
        """The host with each MAC address."""
        macs: dict[str, str] = {}
        for record in self._kind("facts"):
            facts = Facts.of(record)
            if facts.mac:
                macs[facts.mac] = facts.host
        return macs

    @property
    def outside(self) -> tuple[str, ...]:
        """What passed between a host and what is outside of the lab, for people."""
        return tuple(self.outside_of.values())

    @cached_property
    def outside_of(self) -> Mapping[str, str]:
        """The same by the host; only containers that were joined have an outside.

        ``frames`` does not have it. When such a frame was sent cannot be told at the port of its receiver, nor that it
        was: netem drops it before it is captured. One from the engine's own machine also has an unfinished checksum,
        and may be many segments in one.
        """
        if not any(record.get("joined") for record in self._kind("meta")):
            return {}
        of_lab = {bytes.fromhex(mac.replace(":", "")) for mac in self._macs}
        counts: Counter[str] = Counter()
        for frame in self._capture.frames:
            receiver = frame.data[:6]
            sender = frame.data[6:12]
            is_group = bool(receiver) and bool(receiver[0] & 1)
            left = frame.direction == "in" and not is_group and receiver not in of_lab
            came = frame.direction == "out" and sender not in of_lab
            if left or came:
                counts[frame.port] += 1
        found: dict[str, str] = {}
        for host, count in counts.items():
            noun = "frame" if count == 1 else "frames"
            found[host] = f"{count} {noun} between {host} and outside of the joined containers (capture-{host}.pcapng)"
        return found

    @cached_property
    def addresses(self) -> Mapping[str, str]:
        """The host with each address: its own, and the other IPv6 addresses from which it sent frames."""
        addresses = {address: host for hosts in (self._hosts, self._hosts6) for host, address in hosts.items()}
        for host, more in self._further.items():
            addresses.update(dict.fromkeys(more, host))
        for frame in self._capture.frames:
            if frame.direction != "in" or frame.data[12:14] != ipv6.ETHERTYPE:
                continue
            ip = decode(frame.data).ip
            if ip is not None and ip.source != UNSPECIFIED:
                addresses.setdefault(ip.source, frame.port)
        return addresses

    @cached_property
    def unread(self) -> tuple[UnreadFrame, ...]:
        """The frames that hosts sent and that could not be read, in order: each may have been of any kind.

        Later fragments are not among them, since ``reassembled`` has their datagrams.
        """
        unread = []
        for frame in self._capture.frames:
            if frame.direction != "in":
                continue
            packet = decode(frame.data)
            if packet.unread and not packet.is_later_fragment:
                unread.append(UnreadFrame(frame.t, frame.port, packet.unread))
        return tuple(unread)

    @cached_property
    def reassembled(self) -> Reassembled:
        """The frames with each datagram as one frame."""
        return reassemble(self.frames)

    @property
    def unseen(self) -> tuple[str, ...]:
        """What passed the wire and may hide a frame that a query did not find, for people; empty if nothing did."""
        return (*unread_kinds(self.unread), *incomplete_datagrams(self.reassembled.incomplete))

    @cached_property
    def streams(self) -> tuple[TcpStream, ...]:
        """Every TCP connection, in the order in which they began."""
        return streams(self.frames)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """What the relay did to frames: drop, hold, keep, release, duplicate, corrupt, reorder."""
        found = [_decision(record) for record in self._kind("decision")]
        return tuple(found)

    @cached_property
    def faults(self) -> tuple[FaultPeriod, ...]:
        """Each fault from when it came into force until it was lifted."""
        periods = fault_periods(self._kind("fault"))
        mac_of = {host: bytes.fromhex(mac.replace(":", "")) for mac, host in self._macs.items()}
        return tuple(replace(each, mac=mac_of.get(each.from_ or "")) for each in periods)

    @property
    def capture_end(self) -> int | None:
        """When the capture ended, in ns; None if the run ended without stopping it."""
        last = self._last_capture()
        return None if last is None else int(last["t"])

    @property
    def frames_not_captured(self) -> int | None:
        """How many frames the capture could not keep; None when that was not counted."""
        last = self._last_capture()
        if last is None or last.get("dropped") is None:
            return None
        counted_by_the_agent = int(last["dropped"])
        counted_by_the_kernel = self._capture.dropped or 0
        frames = int(last["frames"])
        missing_in_the_file = frames - len(self._capture.frames)
        return max(
            counted_by_the_agent,
            counted_by_the_kernel,
            missing_in_the_file,
        )

    @property
    def capture_is_complete(self) -> bool:
        """Whether every frame of the run was recorded. Only then does the capture show that a frame was never sent."""
        if self.frames_not_captured != 0:
            return False
        return self._capture.complete

    def _kind(self, kind: str) -> tuple[Record, ...]:
        found = [record for record in self._records if record["kind"] == kind]
        return tuple(found)

    def _last_capture(self) -> Record | None:
        found = self._kind("capture")
        return found[-1] if found else None


@dataclass(frozen=True)
class FrameSelection:
    """Which frames a query asks for. None selects any.

    Args:
        source: the sender: a host, or WIRE for what the wire itself sent.
        to: the host that the frame was for.
        port: the port of either end.
        flags: the TCP flags, as in has_flags; or several of these, of which the segment has one.
        data: whether the segment or datagram carries data.
        protocol: as in Packet.protocol: "tcp", "udp", "icmp", "icmp6", "arp".
        after: only frames sent after this time, in ns.
        before: only frames sent before this time, in ns.
    """

    source: str | None = None
    to: str | None = None
    port: int | None = None
    flags: Flags | None = None
    data: bool | None = None
    protocol: str | None = None
    after: int | None = None
    before: int | None = None

    @property
    def reads_headers(self) -> bool:
        """Whether it selects by what a frame is, so that it cannot find a frame that could not be read."""
        return (self.port, self.flags, self.data, self.protocol) != (None, None, None, None)

    def includes_sending(self, frame: Frame | UnreadFrame) -> bool:
        """Whether the query asks for frames of this sender at this time."""
        return selects(self.source, frame.source) and self._includes_time(frame.sent_at)

    def includes(self, frame: Frame) -> bool:
        """Whether the query asks for this frame."""
        if not self.includes_sending(frame):
            return False
        if not selects(self.to, frame.toward):
            return False
        # What needs the frame to be decoded comes last.
        if self.protocol is not None and frame.decoded.protocol != self.protocol:
            return False
        if self.port is not None and not _has_port(frame, self.port):
            return False
        if self.flags is not None and not _has_any(frame, self.flags):
            return False
        return self.data is None or frame.carries_data is self.data

    def _includes_time(self, t: int) -> bool:
        if self.after is not None and t <= self.after:
            return False
        return self.before is None or t < self.before

    def of(self, frames: Iterable[Frame]) -> Records[Frame]:
        """The selected frames, in order."""
        found = [frame for frame in frames if self.includes(frame)]
        noted(found)
        what = "no {kind} were recorded"
        if self.source:
            what = "no {kind} of {source} were recorded"
        if self.port is not None:
            what += " on port {port}"
        return Records(
            found,
            self.noun,
            what,
            kind=self.noun,
            source=self.source or "",
            port=self.port,
        )

    @property
    def noun(self) -> str:
        """The plural noun for the selected frames."""
        if self.protocol is None:
            return "frames"
        return NOUNS.get(self.protocol, f"{self.protocol} frames")


_PeriodByFault = dict[str, FaultPeriod]  # by the fault as JSON


def fault_periods(records: Iterable[Record]) -> tuple[FaultPeriod, ...]:
    """Each fault from when it came into force until it was lifted, or until another engine carried it out.

    The period of a fault that is also in the next list continues.
    """
    ended: list[FaultPeriod] = []
    in_force: dict[str, _PeriodByFault] = {}  # by receiver
    for record in records:
        toward = record["toward"]
        before = in_force.get(toward, {})
        now = _in_force_after(record, before)
        for key, period in before.items():
            if key not in now:
                ended.append(replace(period, ended=record["t"]))
        in_force[toward] = now
    found = ended
    for periods in in_force.values():
        found.extend(periods.values())
    found.sort(key=lambda period: period.began)
    return tuple(found)


def _in_force_after(record: Record, before: _PeriodByFault) -> _PeriodByFault:
    """The faults in force toward a host after the list of its faults was set."""
    engine = record.get("engine", "")
    now: _PeriodByFault = {}
    for number, fault in _numbered(record["faults"]):
        key = json.dumps([number, engine, fault], sort_keys=True, default=repr)
        now[key] = before.get(key) or FaultPeriod(
            fault=_fault(fault),
            toward=record["toward"],
            engine=engine,
            began=record["t"],
            ended=None,
            seeded=record.get("seeded", engine != "netem"),  # runs without this field did not seed netem
        )
    return now


def _fault(record: Record) -> Fault:
    """The fault that was set. A fault that this version does not know is kept as it was recorded."""
    try:
        return from_json(record)
    except BadFault:
        name = record["name"]
        words = [name]
        for key, value in record.items():
            if key != "name":
                words.append(f"{key}={value}")
        return UnknownFault(name, " ".join(words))


def _numbered(faults: Iterable[Record]) -> list[tuple[int, Record]]:
    """Each fault with the number of equal ones before it, since a list may hold the same fault twice."""
    earlier: list[Record] = []
    numbered = []
    for fault in faults:
        numbered.append((earlier.count(fault), fault))
        earlier.append(fault)
    return numbered


def _decision(record: Record) -> Decision:
    return Decision(
        t=record["t"],
        toward=record["toward"],
        fault=record["fault"],
        verdict=record["verdict"],
        frame=record["frame"],
    )


def _has_port(frame: Frame, port: int) -> bool:
    ports = frame.decoded.ports or ()
    return port in ports


def _has_any(frame: Frame, flags: Flags) -> bool:
    """Whether the frame is a segment with these flags, or with one of several sets of flags."""
    segment = frame.decoded.tcp
    if segment is None:
        return False
    wanted = (flags,) if isinstance(flags, str) else flags
    return any(has_flags(segment.flags, alternative) for alternative in wanted)
