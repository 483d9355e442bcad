"""The last moments of a run that goes on: the newest records and frames, as evidence that can be told as a story."""

import re
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from badwire.evidence.evidence import Evidence
from badwire.packets.ipv4 import TCP, ipv4_header
from badwire.packets.packet import flag_bits
from badwire.packets.pcapng import Capture, Captured
from badwire.report.story import Story, story
from badwire.util.jsonlines import decode

FRAMES = 120  # passings of a port that are kept; more than a screen shows
KEPT = {"facts": 64, "fault": 64, "note": 32, "program": 128, "output": 64, "call": 64, "decision": 128}
OPENINGS = 64  # SYNs kept after that, since numbers are counted from them

_FLAGS_AT = 13  # bytes into the TCP header (RFC 9293 section 3.1)
_HOST = re.compile(rb'"host":"([^"]*)"')
_record = lru_cache(maxsize=1024)(decode)  # most of what is kept was kept before


@dataclass(frozen=True)
class Table:
    """A host's sockets as they were last seen to change, at ``t`` (ns since the run began)."""

    t: int
    sockets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Moment:
    """What to show: the story of the last moments, the tables by host, and the whole run in numbers.

    ``now`` is ns since the run began; on the ``virtual`` clock that is when the last thing happened.
    """

    story: Story
    tables: Mapping[str, Table]
    addresses: Mapping[str, str]
    now: int
    frames: int
    virtual: bool


class Lately:
    """Takes what comes, and keeps little of it: nothing is read that will not be shown."""

    def __init__(self) -> None:
        self._meta: dict[str, Any] = {}
        self._kept: dict[bytes, deque[bytes]] = {kind.encode(): deque(maxlen=most) for kind, most in KEPT.items()}
        self._samples: dict[bytes, bytes] = {}
        self._frames: deque[Captured] = deque()
        self._openings: deque[Captured] = deque(maxlen=OPENINGS)
        self._sent = self._newest = 0

    def take(self, lines: Iterable[bytes], frames: Iterable[Captured]) -> None:
        """Records as they stand in evidence.jsonl, each with its kind in front, and frames."""
        for line in lines:
            kind = line.split(b'"', 4)[3]  # {"kind":"note",
            if kind == b"sample" and (host := _HOST.search(line)):
                self._samples[host[1]] = line
            elif kind == b"meta":
                self._meta = decode(line)
            elif kind in self._kept:
                self._kept[kind].append(line)
        for frame in frames:
            self._sent += frame.direction == "in"
            self._newest = max(self._newest, frame.t)
            self._frames.append(frame)
            if len(self._frames) > FRAMES and _opens(gone := self._frames.popleft()):
                self._openings.append(gone)

    def moment(self) -> Moment | None:
        """What is known now; None before the lab is up."""
        if not self._meta:
            return None
        began, virtual = int(self._meta["t"]), self._meta.get("clock") == "virtual"
        records = [_record(line) for kept in self._kept.values() for line in kept]
        samples = [_record(line) for line in self._samples.values()]
        times = [int(record.get("t") or record.get("ended") or 0) for record in (*records, *samples)]
        now = max(began, self._newest, *times) if virtual else time.monotonic_ns()
        seen = Evidence((self._meta, *records, {"kind": "now", "t": now}), self._capture())
        return Moment(
            story(seen),
            {each["host"]: Table(each["t"] - began, tuple(each["sockets"])) for each in samples},
            seen.hosts,
            now - began,
            self._sent,
            virtual,
        )

    def _capture(self) -> Capture:
        frames = (*self._openings, *self._frames)
        return Capture(frames, tuple({frame.port: None for frame in frames}), None, whole=False)


def _opens(frame: Captured) -> bool:
    """Whether it is a SYN: asked of every frame, so of its bytes (RFC 791 section 3.1, RFC 9293 section 3.1)."""
    ip = ipv4_header(frame.data)
    if ip is None or ip.protocol != TCP:
        return False
    flags = ip.payload_at + _FLAGS_AT
    return flags < len(frame.data) and bool(frame.data[flags] & flag_bits("S"))
