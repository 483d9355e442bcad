"""Claims that every run carries besides its scenario's: was the instrument right?

Their bounds are the lab's own measured errors, not the network's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from statistics import median

from badwire.old.claims.claim import claim
from badwire.old.claims.sources import Instrument
from badwire.old.claims.verdict import FAILS, HOLDS, UNKNOWN, Verdict, unknown, within
from badwire.old.evidence.evidence import Evidence
from badwire.old.evidence.frames import Frame
from badwire.packets.packet import ETHERNET_HEADER
from badwire.store.records import NS, FaultSeen

# Seconds. Of 24,000 frames that the relay delayed by 25 ms, on two cores, idle and beside two busy processes and more,
# the earliest left 0.04 ms after its time; the kernel's stamps are moved to our clock with an error below 0.001 ms.
EARLY = 0.000_05
# Seconds. Of the same frames one in a hundred left 0.3 ms late where the relay had real-time scheduling, and 7 to 16 ms
# where it could not have it, in containers and for anybody but root. The quickest of a run with some 26 of them left at
# most 0.9 ms late in 80 runs, and at most 8.6 ms in ten in containers with 20 processes waiting for the two cores.
LATE = 0.010
ENOUGH = 25  # frames toward one host, of which then the quickest is not late, whatever it was toward others
# Seconds, on the virtual clock, which no busy core moves on, but each reading by 256 ns, whoever reads. Of the 2,800
# frames of a stream none left early; the latest left 0.004 ms late from netem and 0.07 ms from the relay. A Docker
# Engine that is at work at that moment reads the clock more often.
EARLY_VIRTUAL, LATE_VIRTUAL = 0.000_001, 0.001
EDGE = 20_000_000  # ns; a fault is in force a little before the reply that says so, and frames are on their way
CAN_LOSE = frozenset({"mtu", "loss", "nth", "partition", "rate", "hold", "corrupt"})
CAN_DELAY = frozenset({"delay", "rate", "hold", "reorder"})


@claim(Instrument("what the capture does not hold cannot be judged"))
def the_capture_lost_nothing(seen: Evidence) -> Verdict:
    """The kernel's and the lab's own counts of frames that could not be kept are zero, and the file is whole."""
    lost = seen.capture_lost
    if lost is None:
        return unknown("nobody counted what the capture lost")
    why = "" if seen.capture_whole or lost else "the file is cut short, or empty"
    return Verdict(HOLDS if seen.capture_whole else FAILS, lost, "0", "frames", why)


@claim(Instrument("with offloads a frame is up to 64 KiB, and its checksum unfinished"))
def offloads_are_off_on_every_host(seen: Evidence) -> Verdict:
    """Segmentation, joining and transmit checksums are done by the stack itself, so that frames are what they seem."""
    on = [f"{host}: {name}" for host in seen.hosts for name, value in seen.facts(host).offloads.items() if value]
    silent = [host for host in seen.hosts if not seen.facts(host).offloads]
    if silent:
        return unknown(f"the offloads of {', '.join(silent)} are not on record")
    return Verdict(FAILS if on else HOLDS, ", ".join(on) or "all off", "all off")


@claim(Instrument("a longer frame is several that an offload has joined"))
def no_frame_is_longer_than_the_mtu_allows(seen: Evidence) -> Verdict:
    """A frame has at most the MTU and 14 bytes of Ethernet header."""
    if not seen.pcap.frames:
        return unknown("no frame was captured")
    most = max(seen.facts(host).mtu for host in seen.hosts) + ETHERNET_HEADER
    longest = max(frame.length for frame in seen.pcap.frames)
    return Verdict(HOLDS if longest <= most else FAILS, longest, f"at most {most}", "bytes")


@claim(Instrument("a delay is never short; the quickest frame is late by the engine's error, others by a busy core"))
def a_delay_that_is_in_force_delays(seen: Evidence) -> Verdict:
    """The median time from sent to delivered is not shorter than asked, nor is the engine's quickest frame late.

    A single frame may wait for a core that others keep busy, and then so may the median of a few: claims are judged by
    what was measured, not by what was asked. Where many went toward a host, the quickest of these is not late either;
    nor, on the virtual clock, is the median anywhere. Beside another fault that delays, any frame may be late.
    Where no delay was asked for, none is wrong.
    """
    measured = [each for began, ended, faults in _delayed(seen) if (each := _measure(seen, began, ended, faults))]
    if not seen.faults(name="delay"):
        return Verdict(HOLDS, "none in force", "what was asked")
    if not measured:
        return unknown("a delay was in force, but no frame went through it")
    if seen.meta.get("clock") == "virtual":
        verdicts = [_judge(each, median(each.took) - each.asked, EARLY_VIRTUAL, LATE_VIRTUAL) for each in measured]
    else:
        verdicts = [_judge(each, _quickest(each, measured), EARLY, LATE) for each in measured]
    return next((verdict for verdict in verdicts if verdict.outcome is FAILS), verdicts[0])


@claim(Instrument("a frame that is lost without a fault in force was lost by the lab"))
def every_lost_frame_is_accounted_for(seen: Evidence) -> Verdict:
    """Each frame sent and not delivered was taken by a fault that was in force, or was on its way at the end."""
    frames = seen.frames()
    if frames is None:
        return unknown("no frame was captured")
    lost = [frame for frame in frames if not frame.delivered_at]
    unexplained = [frame for frame in lost if not _explained(frame, seen)]
    if unexplained and not seen.capture_whole:
        return Verdict(UNKNOWN, len(unexplained), "0", "frames", "the capture is not whole, so they may have arrived")
    why = "; ".join(_describe(frame, seen) for frame in unexplained[:3])
    return Verdict(FAILS if unexplained else HOLDS, len(unexplained), "0", "frames", why)


CLAIMS = (
    the_capture_lost_nothing,
    offloads_are_off_on_every_host,
    no_frame_is_longer_than_the_mtu_allows,
    a_delay_that_is_in_force_delays,
    every_lost_frame_is_accounted_for,
)


def _delayed(seen: Evidence) -> Iterator[tuple[int, int, list[FaultSeen]]]:
    """Each time (ns) during which the same faults that delay were in force toward a host, a Delay among them."""
    end = seen.capture_end or 0
    for host in seen.hosts:
        faults = [fault for fault in seen.faults(toward=host) or () if fault.name in CAN_DELAY]
        edges = sorted({edge for fault in faults for edge in (fault.began, fault.ended or end)})
        for began, ended in pairwise(edges):
            now = [fault for fault in faults if fault.began <= began and ended <= (fault.ended or end)]
            if any(fault.name == "delay" for fault in now):
                yield began, ended, now


@dataclass(frozen=True)
class _Delays:
    """What frames toward a host took while a delay was in force, in seconds, and what was asked."""

    toward: str
    engine: str
    asked: float
    jitter: float
    alone: bool  # no other fault that delays was in force
    took: tuple[float, ...]


def _measure(seen: Evidence, began: int, ended: int, faults: list[FaultSeen]) -> _Delays | None:
    """None when no frame was sent and delivered within that time."""
    toward = faults[0].toward
    asked = sum(_number(fault, "time") for fault in faults)
    jitter = sum(_number(fault, "jitter") for fault in faults)
    through = seen.frames(to=toward, after=began, before=ended - round((asked + jitter) * NS)) or ()
    took = tuple(frame.delay for frame in through if frame.delay is not None)
    alone = all(fault.name == "delay" for fault in faults)
    return _Delays(toward, faults[0].engine, asked, jitter, alone, took) if took else None


def _quickest(each: _Delays, measured: list[_Delays]) -> float:
    """By how many seconds the quickest frame was late: of these, or of all that the engine delayed if these are few."""
    alike = [each] if len(each.took) >= ENOUGH else [other for other in measured if other.engine == each.engine]
    return min(took - other.asked for other in alike for took in other.took)


def _judge(each: _Delays, late: float, early: float, tolerance: float) -> Verdict:
    """The median, which is not short by more than ``early``; ``late`` is not above ``tolerance``; all in seconds."""
    bounded = each.alone and late > each.jitter + tolerance
    most = each.asked + each.jitter + tolerance if bounded else inf
    verdict = within(median(each.took), max(0.0, each.asked - each.jitter - early), most, "s")
    return replace(verdict, expected=f"{verdict.expected} toward {each.toward}")


def _explained(frame: Frame, seen: Evidence) -> bool:
    end = seen.capture_end
    if end is not None and frame.sent_at > end - EDGE:
        return True  # still between the two ports when the capture ended
    for fault in seen.faults(toward=frame.toward) or ():
        if fault.name in CAN_LOSE and fault.in_force(frame.sent_at, EDGE) and not _fits(frame, fault):
            return True
        if fault.name in CAN_DELAY and fault.in_force(frame.sent_at, EDGE):  # lost if taken away with its queue
            due = frame.sent_at + round(NS * (_number(fault, "time") + _number(fault, "jitter"))) + EDGE
            ended = fault.ended if fault.ended is not None else end
            if fault.name != "delay" or ended is None or due > ended:
                return True
    return False


def _fits(frame: Frame, fault: FaultSeen) -> bool:
    """Whether this is an Mtu that lets the frame pass; of the other faults nobody knows which frames they meant."""
    return fault.name == "mtu" and (frame.ip is None or frame.ip.length <= _number(fault, "size"))


def _number(fault: FaultSeen, field: str) -> float:
    return float(fault.fields.get(field) or 0)


def _describe(frame: Frame, seen: Evidence) -> str:
    second = (frame.sent_at - seen.meta["t"]) / NS
    flags = f" {frame.tcp.flags}" if frame.tcp else ""
    return f"{frame.packet.protocol}{flags} from {frame.source} to {frame.toward}, {second:.3f} s into the run"
