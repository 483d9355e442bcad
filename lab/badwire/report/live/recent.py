"""The last moments of a run in progress: the newest records and frames, as evidence, and the story of them."""

import itertools
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from badwire.evidence.evidence import Evidence
from badwire.packets.ip import ip_header
from badwire.packets.ipv4 import TCP
from badwire.packets.pcapng import Captured, CaptureFile
from badwire.packets.tcp_flags import flag_bits
from badwire.report.story import Story, story
from badwire.store.sampled_table import SampledTable
from badwire.util.jsonlines import decode

FRAMES = 120  # captured frames that are kept, which is more than a screen shows
KEPT = {  # how many of the newest records of each kind are kept
    "facts": 64,
    "fault": 64,
    "note": 32,
    "program": 128,
    "output": 64,
    "input": 64,
    "calling": 64,
    "call": 128,  # more, so that none is shown as begun only because its return was dropped
    "refused": 64,
    "decision": 128,
}
OPENINGS = 64  # SYNs that are kept longer, since sequence numbers are counted from them

_FLAGS_AT = 13  # bytes into the TCP header (RFC 9293 section 3.1)
_SYN = flag_bits("S")
_record = lru_cache(maxsize=1024)(decode)  # most records were decoded before


@dataclass(frozen=True)
class LastSample:
    """A host's socket table as of its last sample, at ``t`` (ns since the run began)."""

    t: int
    sockets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Moment:
    """The story of the last moments, the socket tables by host, and how many frames the run has sent so far.

    ``now`` is ns since the run began; on the ``virtual`` clock it is the time of the last record.
    """

    story: Story
    tables: Mapping[str, LastSample]
    addresses: Mapping[str, str]
    addresses6: Mapping[str, str]
    further: Mapping[str, list[str]]
    now: int
    frames: int
    virtual: bool


class _NumberedRecord(NamedTuple):
    """A line of evidence.jsonl, and its place there."""

    number: int
    record: bytes


class Recent:
    """Keeps the newest records and frames of a run, and the hosts' socket tables.

    It decodes the samples of the tables, and of the rest only what will be shown.
    """

    def __init__(self) -> None:
        self._meta: dict[str, Any] = {}
        self._numbers = itertools.count()
        self._kept: dict[bytes, deque[_NumberedRecord]] = {}
        for kind, most in KEPT.items():
            self._kept[kind.encode()] = deque(maxlen=most)
        self._tables: dict[str, SampledTable] = {}  # by host
        self._frames: deque[Captured] = deque()
        self._openings: deque[Captured] = deque(maxlen=OPENINGS)
        self._sent = 0  # frames
        self._newest = 0  # the time of the last frame, in ns

    def take(self, lines: Iterable[bytes], frames: Iterable[Captured]) -> None:
        """Add lines of evidence.jsonl, each of which begins with its kind, and frames."""
        for line in lines:
            self._take_record(line)
        for frame in frames:
            self._take_frame(frame)

    def _take_record(self, record: bytes) -> None:
        kind = record.split(b'"', 4)[3]  # {"kind":"note",
        if kind in self._kept:
            self._kept[kind].append(_NumberedRecord(next(self._numbers), record))
        elif kind == b"sample":
            self._take_sample(decode(record))
        elif kind == b"meta":
            self._meta = decode(record)

    def _take_sample(self, sample: dict[str, Any]) -> None:
        host = sample["host"]
        table = self._tables.setdefault(host, SampledTable())
        try:
            table.take(sample)
        except ValueError:  # a sample before was not written, on a full disk: the table is not known any more
            del self._tables[host]

    def _take_frame(self, frame: Captured) -> None:
        if frame.direction == "in":
            self._sent += 1
        self._newest = max(self._newest, frame.t)
        self._frames.append(frame)
        if len(self._frames) > FRAMES:
            oldest = self._frames.popleft()
            if _opens(oldest):
                self._openings.append(oldest)

    def moment(self) -> Moment | None:
        """What to show now; None before the lab is up."""
        if not self._meta:
            return None
        began = int(self._meta["t"])
        virtual = self._meta.get("clock") == "virtual"
        in_order = sorted(itertools.chain.from_iterable(self._kept.values()))
        records = [_record(each.record) for each in in_order]
        if virtual:
            times = [_time(record) for record in records]
            times += [table.t for table in self._tables.values()]
            now = max(began, self._newest, *times)
        else:
            now = time.monotonic_ns()
        end = {"kind": "now", "t": now}
        run = Evidence((self._meta, *records, end), self._capture())
        tables = {}
        for host, table in self._tables.items():
            tables[host] = LastSample(table.t - began, tuple(table.entries()))
        return Moment(
            story=story(run),
            tables=tables,
            addresses=run.hosts,
            addresses6=run.hosts6,
            further=run.further,
            now=now - began,
            frames=self._sent,
            virtual=virtual,
        )

    def _capture(self) -> CaptureFile:
        """The frames that are kept, as an incomplete capture."""
        frames = (*self._openings, *self._frames)
        ports = dict.fromkeys(frame.port for frame in frames)
        return CaptureFile(
            frames=frames,
            ports=tuple(ports),
            dropped=None,
            complete=False,
        )


def _time(record: dict[str, Any]) -> int:
    """When something was recorded; when a call returned."""
    t = record.get("t") or record.get("ended") or 0
    return int(t)


def _opens(frame: Captured) -> bool:
    """Whether it is a SYN, from its bytes, since it is called for every frame (RFC 791 and RFC 9293, section 3.1)."""
    ip = ip_header(frame.data)
    if ip is None or ip.protocol != TCP:
        return False
    flags_at = ip.payload_at + _FLAGS_AT
    if flags_at >= len(frame.data):
        return False
    flags = frame.data[flags_at]
    return bool(flags & _SYN)
