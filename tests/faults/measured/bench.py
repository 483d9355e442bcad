"""A fault measured on a real wire: numbered frames go through it, and the lab's own capture shows what happened to
each.

Nothing but these frames passes: they are raw, with an EtherType that no host answers to, so that neither ARP nor an
ICMP error is among those that are counted. What was delivered is joined with what was sent as it is for a claim.
"""

import hashlib
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from badwire.claims.instrument import EARLY, ENOUGH, LATE
from badwire.evidence import NS, Frame
from badwire.evidence.join import join
from badwire.faults import Delay, Fault, Reorder
from badwire.packets.pcapng import Captured
from badwire.store.records import Decision
from tests.agent.wire.wire_network import HostNetwork
from tests.pace import HANG

VIRTUAL = os.environ.get("BADWIRE_CLOCK") == "virtual"  # computing takes no time, so that a delay can be held to 1 us

HEADER = 14  # bytes, of Ethernet
_ETHERTYPE = bytes.fromhex("88b5")  # IEEE Std 802: for local experiments
_MACS = [bytes.fromhex("020000000001"), bytes.fromhex("020000000002")]  # as badwire.agent.wire.bridge gives them


@dataclass(frozen=True)
class Precision:
    """How far, in seconds, a frame may leave before it is due, and the quickest and the slowest of some after it."""

    early: float
    quickest: float
    slowest: float


# The real clock: what the lab says of itself; a frame that waits for a busy processor is late without a bound, and of
# fewer than ENOUGH frames the quickest may be such a one.
# The virtual one: netem's unit of time is 64 ns, and the clock moves on by 256 ns whenever anybody reads it. So a frame
# is due on time unless a process of the lab is at work just then; and the relay is one, with ten readings a frame.
PRECISION = {
    "netem": Precision(1e-6, 1e-6, 20e-6) if VIRTUAL else Precision(EARLY, LATE, float("inf")),
    "relay": Precision(1e-6, 10e-6, 200e-6) if VIRTUAL else Precision(EARLY, LATE, float("inf")),
}


class Bench:
    """A wire between ``h0``, which sends, and ``h1``; its faults carried out by one engine."""

    def __init__(self, wire: HostNetwork, engine: str) -> None:
        self.wire, self.engine, self.precision = wire, engine, PRECISION[engine]
        # Whether a frame leaves when it is due, whatever else the machine does: the relay needs a processor first.
        self.punctual = VIRTUAL or engine == "netem"
        # frames for a share of them: the relay's dice are thrown 20,000 times in tests/faults
        self.many = 2000 if engine == "netem" else 500
        self._sockets = [host.open(socket.AF_PACKET, socket.SOCK_RAW) for host in wire.hosts]
        for sock in self._sockets:
            sock.bind(("eth0", 0))
        self._numbers = 0
        self._captured: list[Captured] = []
        self._decisions: list[Decision] = []
        self._delivered: set[bytes] = set()
        self._overtook: set[bytes] = set()

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    def ask(self, *faults: Fault, toward: int = 1, engine: str | None = None) -> dict[str, Any]:
        """The wire's whole reply to this list of faults."""
        described = {f"h{toward}": [fault.to_json() for fault in faults]}
        reply = self.wire.ask("faults", toward=described, engine=engine or self.engine, seed=1)
        assert isinstance(reply, dict)
        return reply

    def set(self, *faults: Fault, toward: int = 1, engine: str | None = None) -> None:
        reply = self.ask(*faults, toward=toward, engine=engine)
        assert "ok" in reply, reply
        chosen = reply["ok"][f"h{toward}"]["engine"]
        assert not faults or chosen == (engine or self.engine), reply

    def send(self, count: int = 1, size: int = 100, gap: float = 0.001, burst: int = 1, source: int = 0) -> None:
        """Numbered frames of ``size`` bytes, ``burst`` of them at once and then a rest of ``gap`` seconds."""
        head = _MACS[1 - source] + _MACS[source] + _ETHERTYPE
        for place in range(count):
            self._numbers += 1
            # its number well mixed, so that a damaged frame is not taken for another one
            self._sockets[source].send((head + hashlib.sha256(b"%d" % self._numbers).digest()).ljust(size, b"\x5a"))
            if place % burst == burst - 1:
                time.sleep(gap)

    def frames(self, longest: float = 0.0) -> tuple[Frame, ...]:
        """What became of everything that was sent since the last call; lifts every fault.

        A marker that takes the ``longest`` time, in seconds, that any of these frames can still take leaves after all
        of them; one more, without a fault, is read from the capture's ring after whatever left before.
        """
        self.wire.pipe.settimeout(longest + HANG)
        self._overtook.clear()
        markers = [self._mark(toward, longest) for toward in (0, 1)]
        self._until(lambda: self._delivered.issuperset(markers))
        markers += [self._mark(toward, 0) for toward in (0, 1)]
        self._until(lambda: self._delivered.issuperset(markers))
        macs = {mac.hex(":"): f"h{number}" for number, mac in enumerate(_MACS)}
        joined = join(self._captured, ("h0", "h1"), macs, {}, self._decisions)
        self._captured, self._decisions, self._delivered = [], [], set()
        return tuple(frame for frame in joined if frame.data not in markers)

    def see_arrive(self, count: int) -> None:
        """Returns when so many different frames have been delivered since the last call of ``frames``."""
        self._until(lambda: len(self._delivered) >= count)

    def _mark(self, toward: int, delay: float) -> bytes:
        self.set(*([Delay(delay)] if delay else []), toward=toward)
        self._numbers += 1
        marker = _MACS[toward] + _MACS[1 - toward] + _ETHERTYPE + b"marker %d" % self._numbers
        self._sockets[1 - toward].send(marker)
        return marker

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self.wire.wait_for("frames", "blocks")
            for event in self.wire.events:
                if event["event"] == "decision":
                    values = (event[name] for name in ("t", "toward", "fault", "verdict", "frame"))
                    self._decisions.append(Decision(*values))
                    if event["verdict"] == Reorder.name:
                        self._overtook.add(event["frame"])
                frames = self.wire.frames_of(event)
                self._captured += [Captured(t, host, way, data, size) for t, host, way, size, data in frames]
                self._delivered |= {data for _, _, way, _, data in frames if way == "out"}
            self.wire.events.clear()

    def measure(self, *faults: Fault, longest: float = 0.0, **how: Any) -> tuple[Frame, ...]:
        """What happens to frames while these faults are in force; ``how`` they are sent is passed to ``send``."""
        self.set(*faults)
        self.send(**how)
        return self.frames(longest)

    def at_once(self, frame: Frame, most: float) -> bool:
        """Whether a frame left at once where others waited: by its delay, of less than ``most`` seconds, or by what
        the relay decides, where such a frame may wait for a processor as long as the others for their time.
        """
        if self.engine == "relay":
            return bool(frame.delivered_at) and frame.data in self._overtook
        return frame.delay is not None and frame.delay < most

    def pace(self, frames: Sequence[Frame], each: float) -> float:
        """Seconds between two frames that left one after the other, ``each`` seconds apart if they were on time.

        Measured from the first half's quickest frame to the second half's, since any other may be late.
        """
        half = len(frames) // 2
        assert VIRTUAL or half >= ENOUGH
        late = [frame.arrived / NS - place * each for place, frame in enumerate(frames)]
        return each + (min(late[half:]) - min(late[:half])) / half

    def late(self, frames: Sequence[Frame], delay: float) -> list[float]:
        """By how much each delivery came later than ``delay`` seconds after its frame was sent, in order."""
        return sorted((t - frame.sent_at) / NS - delay for frame in frames for t in frame.delivered_at)

    def exact(self, frames: Sequence[Frame], delay: float, alone: bool = False) -> bool:
        """Whether every one of them took ``delay`` seconds, as precisely as this engine can on this clock."""
        return self.on_time(self.late(frames, delay), alone)

    def on_time(self, late: Sequence[float], alone: bool = False) -> bool:
        """Whether frames that came so much later than they were due, in order, came in time.

        ``alone``: nobody was at work when one of them was due.
        """
        bounds = self.precision
        quickest = bounds.quickest if VIRTUAL or len(late) >= ENOUGH else float("inf")
        most = bounds.quickest if alone and VIRTUAL else bounds.slowest
        if late and -bounds.early <= late[0] <= quickest and late[-1] <= most:
            return True
        print("later than due by", [f"{each * 1e6:.3f} us" for each in (*late[:3], *late[-3:])])
        return False
