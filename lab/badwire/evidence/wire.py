"""What was recorded of the wire: frames, faults in force, the relay's decisions, whether the capture is complete."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from badwire.errors import BadFault
from badwire.evidence.frames import Frame
from badwire.evidence.join import join
from badwire.evidence.provenance import noted
from badwire.evidence.records import Records
from badwire.evidence.stream import Flags, TcpStream, streams
from badwire.faults import from_json
from badwire.faults.fault import Fault
from badwire.packets.packet import has_flags
from badwire.packets.pcapng import Capture
from badwire.store.records import Decision, Facts, Record


@dataclass(frozen=True)
class FaultPeriod:
    """A fault in force toward a host; ``ended`` is None when it was never lifted. Times in ns."""

    fault: Fault
    toward: str
    engine: str
    began: int
    ended: int | None

    @property
    def name(self) -> str:
        """The fault's name as it was recorded."""
        return self.fault.recorded_name if isinstance(self.fault, UnknownFault) else self.fault.name

    def in_force(self, t: int, margin: int = 0) -> bool:
        """Whether it was in force at ``t``, give or take ``margin`` ns."""
        return self.began - margin <= t and (self.ended is None or t <= self.ended + margin)


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


_KINDS = {"tcp": "segments", "udp": "datagrams"}


class WireEvidence:
    """The frames and faults of a whole run, of which a part may be asked about.

    Args:
        records: of the run, in order.
        capture: what was captured on the ports of the bridge.
        hosts: addresses by host.
    """

    def __init__(self, records: Iterable[Record], capture: Capture, hosts: Mapping[str, str]) -> None:
        self._records = tuple(records)
        self.capture = capture
        self._hosts = hosts

    @cached_property
    def frames(self) -> tuple[Frame, ...]:
        """Every frame that was sent, in order, with its deliveries."""
        macs = {facts.mac: facts.host for facts in map(Facts.of, self._kind("facts")) if facts.mac}
        addresses = {address: host for host, address in self._hosts.items()}
        return join(self.capture.frames, self._hosts, macs, addresses, self.decisions)

    @cached_property
    def streams(self) -> tuple[TcpStream, ...]:
        """Every TCP connection, in the order in which they began."""
        return streams(self.frames)

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """What the relay did to frames: drop, hold, keep, release, duplicate, corrupt, reorder."""
        return tuple(
            Decision(r["t"], r["toward"], r["fault"], r["verdict"], r["frame"]) for r in self._kind("decision")
        )

    @cached_property
    def faults(self) -> tuple[FaultPeriod, ...]:
        """Each fault from when it came into force until it was lifted."""
        return fault_periods(self._kind("fault"))

    @property
    def capture_end(self) -> int | None:
        """When the capture ended (ns); None when it did not end in good order."""
        last = self._last_capture()
        return None if last is None else int(last["t"])

    @property
    def frames_not_captured(self) -> int | None:
        """How many frames the capture could not keep; None when that was not counted."""
        last = self._last_capture()
        if last is None or last.get("dropped") is None:
            return None
        return max(int(last["dropped"]), self.capture.dropped or 0, int(last["frames"]) - len(self.capture.frames))

    @property
    def capture_is_complete(self) -> bool:
        """Whether every frame of the run was recorded: only then can "never" be said of frames."""
        return self.frames_not_captured == 0 and self.capture.whole and bool(self.capture.frames)

    def _kind(self, kind: str) -> tuple[Record, ...]:
        return tuple(record for record in self._records if record["kind"] == kind)

    def _last_capture(self) -> Record | None:
        found = self._kind("capture")
        return found[-1] if found else None


def select(
    frames: Iterable[Frame],
    source: str | None = None,
    to: str | None = None,
    port: int | None = None,
    flags: Flags | None = None,
    data: bool | None = None,
    protocol: str | None = None,
    after: int | None = None,
    before: int | None = None,
) -> Records[Frame]:
    """The frames that match all of the arguments that are given; see ``Evidence.frames``."""
    any_of = (flags,) if isinstance(flags, str) else flags
    found = [
        frame
        for frame in frames
        if (source is None or frame.source == source)
        and (to is None or frame.toward == to)
        and (after is None or frame.sent_at > after)
        and (before is None or frame.sent_at < before)
        and (protocol is None or frame.packet.protocol == protocol)
        and (port is None or port in (frame.packet.ports or ()))
        and (any_of is None or _has_any(frame, any_of))
        and (data is None or data is frame.carries_data)
    ]
    noted(found)
    kind = "frames" if protocol is None else _KINDS.get(protocol, f"{protocol} frames")
    what = "no {kind} of {source} were recorded" if source else "no {kind} were recorded"
    if port is not None:
        what += " on port {port}"
    return Records(found, kind, what, kind=kind, source=source or "", port=port)


def fault_periods(records: Iterable[Record]) -> tuple[FaultPeriod, ...]:
    """Each fault from when it came into force until it was lifted, or until another engine carried it out.

    One that stays in a changed list goes on.
    """
    ended: list[FaultPeriod] = []
    in_force: dict[str, dict[str, FaultPeriod]] = {}  # by receiver, then by the fault as JSON
    for record in records:
        toward = record["toward"]
        engine = record.get("engine", "")
        before = in_force.get(toward, {})
        now: dict[str, FaultPeriod] = {}
        for place, fault in _numbered(record["faults"]):
            key = json.dumps([place, engine, fault], sort_keys=True, default=repr)
            now[key] = before.get(key) or FaultPeriod(_fault(fault), toward, engine, record["t"], None)
        for key, period in before.items():
            if key not in now:
                ended.append(FaultPeriod(period.fault, toward, period.engine, period.began, record["t"]))
        in_force[toward] = now
    for periods in in_force.values():
        ended += periods.values()
    return tuple(sorted(ended, key=lambda each: each.began))


def _fault(record: Record) -> Fault:
    """The fault that was set; one that this version does not know stays as it was recorded."""
    try:
        return from_json(record)
    except BadFault:
        values = [f"{key}={value}" for key, value in record.items() if key != "name"]
        return UnknownFault(record["name"], " ".join([record["name"], *values]))


def _numbered(faults: Collection[Record]) -> list[tuple[int, Record]]:
    """With how many equal ones come before: the same fault may be in a list twice."""
    listed = list(faults)
    return [(listed[:place].count(fault), fault) for place, fault in enumerate(listed)]


def _has_any(frame: Frame, any_of: tuple[str, ...]) -> bool:
    return frame.tcp is not None and any(has_flags(frame.tcp.flags, each) for each in any_of)
