"""The last moments of a run in progress: the newest records and frames, as evidence, and the story of them."""

import re
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from badwire.evidence.evidence import Evidence
from badwire.packets.ipv4 import TCP, ipv4_header
from badwire.packets.pcapng import Capture, Captured
from badwire.packets.tcp_flags import flag_bits
from badwire.report.story import Story, story
from badwire.util.jsonlines import decode

FRAMES = 120  # captured frames that are kept, which is more than a screen shows
KEPT = {"facts": 64, "fault": 64, "note": 32, "program": 128, "output": 64, "call": 64, "decision": 128}
OPENINGS = 64  # SYNs that are kept longer, since sequence numbers are counted from them

_FLAGS_AT = 13  # bytes into the TCP header (RFC 9293 section 3.1)
_HOST = re.compile(rb'"host":"([^"]*)"')
_record = lru_cache(maxsize=1024)(decode)  # most records were decoded before


@dataclass(frozen=True)
class LastSample:
    """The last recorded sample of a host's socket table, at ``t`` (ns since the run began)."""

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
    now: int
    frames: int
    virtual: bool


class Recent:
    """Keeps the newest records and frames of a run; it decodes only what will be shown."""

    def __init__(self) -> None:
        self._meta: dict[str, Any] = {}
        self._kept: dict[bytes, deque[bytes]] = {kind.encode(): deque(maxlen=most) for kind, most in KEPT.items()}
        self._samples: dict[bytes, bytes] = {}
        self._frames: deque[Captured] = deque()
        self._openings: deque[Captured] = deque(maxlen=OPENINGS)
        self._sent = self._newest = 0

    def take(self, lines: Iterable[bytes], frames: Iterable[Captured]) -> None:
        """Add lines of evidence.jsonl, each of which begins with its kind, and frames."""
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
            if len(self._frames) > FRAMES and _opens(oldest := self._frames.popleft()):
                self._openings.append(oldest)

    def moment(self) -> Moment | None:
        """What to show now; None before the lab is up."""
        if not self._meta:
            return None
        began, virtual = int(self._meta["t"]), self._meta.get("clock") == "virtual"
        records = [_record(line) for kept in self._kept.values() for line in kept]
        samples = [_record(line) for line in self._samples.values()]
        times = [int(record.get("t") or record.get("ended") or 0) for record in (*records, *samples)]
        now = max(began, self._newest, *times) if virtual else time.monotonic_ns()
        run = Evidence((self._meta, *records, {"kind": "now", "t": now}), self._capture())
        return Moment(
            story(run),
            {each["host"]: LastSample(each["t"] - began, tuple(each["sockets"])) for each in samples},
            run.hosts,
            now - began,
            self._sent,
            virtual,
        )

    def _capture(self) -> Capture:
        frames = (*self._openings, *self._frames)
        return Capture(frames, tuple({frame.port: None for frame in frames}), None, whole=False)


def _opens(frame: Captured) -> bool:
    """Whether it is a SYN, from its bytes, since it is called for every frame (RFC 791 and RFC 9293, section 3.1)."""
    ip = ipv4_header(frame.data)
    if ip is None or ip.protocol != TCP:
        return False
    flags = ip.payload_at + _FLAGS_AT
    return flags < len(frame.data) and bool(frame.data[flags] & flag_bits("S"))
