"""The claims about the lab itself, which are judged on every run: whether the lab worked as it should.

Their bounds are the measured errors of the lab.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from statistics import median

from badwire.claims.check import Check, Checks, between, equals, unknown
from badwire.claims.claim import claim
from badwire.claims.sources import Instrument
from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.wire import FaultPeriod
from badwire.faults import Delay, Fault, Mtu, Reorder
from badwire.options import LEAST_SNAPLEN
from badwire.packets.packet import ETHERNET_HEADER
from badwire.store.records import NS
from badwire.util.sentence import Sentence

# Seconds. Of 24,000 frames that the relay delayed by 25 ms, on two cores, idle and beside two or more busy processes,
# the earliest left 0.04 ms after it was due. The kernel's timestamps are converted to the monotonic clock with an error
# below 0.001 ms.
EARLY = 0.000_05
# Seconds. Of the same frames, one in a hundred left 0.3 ms late where the relay had real-time scheduling, and 7 to 16
# ms late where it had not: in containers, and for users other than root. In runs with about 26 of these frames, the
# quickest left at most 0.9 ms late in 80 runs, and at most 8.6 ms late in ten runs in containers while 20 processes
# waited for the two cores.
LATE = 0.010
ENOUGH = 25  # frames toward one host; with as many, the quickest of them must not be late
# Seconds, on the virtual clock. A busy core does not advance this clock, but each reading of it, by any process, does
# so by 256 ns. Of the 2,800 frames of a stream none left early; the latest left 0.004 ms late from netem and 0.07 ms
# late from the relay. A Docker Engine that runs at the same time reads the clock more often.
EARLY_VIRTUAL = 0.000_001
LATE_VIRTUAL = 0.001
EDGE = 20_000_000  # ns; a fault takes effect a little before the agent's reply, and frames are in transit meanwhile
MOST_DESCRIBED = 3  # the most lost frames that are described


NOT_KEPT = "frames that could not be kept"
WAY_OUT = f"{NOT_KEPT}: keep the headers alone (--snaplen {LEAST_SNAPLEN}), or slow the wire down (the fault rate)"


@claim("The capture holds every frame", Instrument("what the capture does not hold cannot be judged"))
def capture_complete(run: Evidence) -> Checks:
    """Neither the kernel nor the lab counted a frame that could not be kept, and the capture file is complete."""
    lost = run.wire.frames_not_captured
    yield equals(WAY_OUT if lost else NOT_KEPT, lost, 0, "frames")
    if lost == 0:
        yield equals("the file is complete", run.capture_is_complete, True)


@claim("Offloads are off on every host", Instrument("with offloads a frame is up to 64 KiB, its checksum unfinished"))
def offloads_off(run: Evidence) -> Checks:
    """The stack itself does segmentation, reassembly and checksums, so that captured frames are those on the wire."""
    for host in run.hosts:
        offloads = run.host(host).facts.offloads
        on: list[str] | None = None
        if offloads:
            on = [name for name, is_on in offloads.items() if is_on]
        yield equals("offloads of {host} that are on", on, [], host=host)


@claim("No frame is longer than the MTU allows", Instrument("a longer frame is several that an offload has joined"))
def frames_within_mtu(run: Evidence) -> Checks:
    """A frame has at most the MTU and 14 bytes of Ethernet header. The claim holds if no frame passed."""
    lengths = [frame.length for frame in run.pcap.frames]
    largest_mtu = max(run.host(host).facts.mtu for host in run.hosts)
    without_frames = 0 if run.capture_is_complete else None
    yield between("longest frame", max(lengths, default=without_frames), 0, largest_mtu + ETHERNET_HEADER, "bytes")


@claim(
    "Frames are delayed by as much as the fault says",
    Instrument("a delay is never short; the quickest frame is late by the engine's error, others by a busy core"),
)
def delays_delay(run: Evidence) -> Checks:
    """The median delay is not shorter than the delay that was set, and the quickest frame is not late.

    A busy core may make a single frame late, and the median of a few frames too; other claims therefore use the delays
    that were measured. The quickest frame is that of the frames toward one host if there are at least ENOUGH, else of
    all frames that the engine delayed. On the virtual clock the median itself must not be late. Frames are not judged
    to be late if another fault that delays was in force. The claim holds if no delay was set.
    """
    if not run.faults(kind=Delay):
        yield equals("delays in force", 0, 0)
        return
    measured: list[_Delays] = []
    for period in _delay_periods(run):
        measured += _measure(run, period)
    if not measured:
        yield unknown("frames through the delay", "a delay was in force, but no frame went through it")
    is_virtual = run.meta.get("clock") == "virtual"
    for delays in measured:
        if is_virtual:
            late = median(delays.measured) - delays.asked
            yield _judge(delays, late, EARLY_VIRTUAL, LATE_VIRTUAL)
        else:
            late = _lateness_of_quickest(delays, measured)
            yield _judge(delays, late, EARLY, LATE)


@claim(
    "Every lost frame has its cause", Instrument("a frame that is lost without a fault in force was lost by the lab")
)
def losses_explained(run: Evidence) -> Checks:
    """Each frame that was not delivered may have been dropped by a fault in force, or was in transit at the end."""
    frames = run.frames()
    lost = frames.where(lambda frame: not frame.delivered_at)
    unexplained = lost.where(lambda frame: not _explained(frame, run))
    name = "frames lost without a cause"
    if not frames and not run.capture_is_complete:
        yield unknown(name, "no frame was captured, and the capture is not complete")
        return
    if unexplained and not run.capture_is_complete:
        yield unknown(name, "the capture is not complete, so {count} frames may have arrived", count=len(unexplained))
        return
    check = equals(name, len(unexplained), 0, "frames")
    if unexplained:
        described = [_describe(frame, run) for frame in unexplained[:MOST_DESCRIBED]]
        check = replace(check, why=Sentence("{frames}", {"frames": "; ".join(described)}))
    yield check


@claim("A fault can read every frame that it may match", Instrument("a fault passes a frame that it cannot read"))
def faults_read_frames(run: Evidence) -> Checks:
    """While a fault that selects frames was in force, no frame toward its host was one that the lab cannot read.

    A later fragment is matched by its datagram's first one.
    """
    selecting = _selecting(run)
    if not selecting:
        yield equals("faults that select frames", 0, 0)
        return
    for period in selecting:
        frames = run.frames(period.from_, to=period.toward, after=period.began, before=period.ended)
        packets = [frame.decoded for frame in frames]
        kinds = {packet.unread for packet in packets if packet.unread and not packet.is_later_fragment}
        if not kinds:
            yield equals("frames toward {host} that {fault} cannot read", 0, 0, host=period.toward, fault=period.name)
        else:
            yield unknown(
                "frames toward {host} that {fault} can match",
                "some passed that it cannot read: {kinds}",
                host=period.toward,
                fault=period.name,
                kinds=kinds,
            )


CLAIMS = (
    capture_complete,
    offloads_off,
    frames_within_mtu,
    delays_delay,
    losses_explained,
    faults_read_frames,
)


def _selecting(run: Evidence) -> list[FaultPeriod]:
    """The faults that selected frames by their headers."""
    found = []
    for period in run.faults():
        if period.fault.reads_headers:
            found.append(period)
    return found


@dataclass(frozen=True)
class _DelayPeriod:
    """A period, in ns, in which the same faults that delay were in force toward a host; one of them is a Delay."""

    toward: str
    began: int
    ended: int
    faults: tuple[FaultPeriod, ...]


def _delay_periods(run: Evidence) -> Iterator[_DelayPeriod]:
    for host in run.hosts:
        delaying = run.faults(toward=host).where(lambda each: each.fault.can_delay)
        changes: set[int] = set()
        for each in delaying:
            changes.add(each.began)
            changes.add(_end(each, run))
        for began, ended in pairwise(sorted(changes)):
            in_force = [each for each in delaying if each.began <= began and ended <= _end(each, run)]
            if any(isinstance(each.fault, Delay) for each in in_force):
                yield _DelayPeriod(host, began, ended, tuple(in_force))


def _end(period: FaultPeriod, run: Evidence) -> int:
    """When a fault was lifted; one that never was ends with the capture."""
    return period.ended or run.wire.capture_end or 0


@dataclass(frozen=True)
class _Delays:
    """The delays of the frames toward a host during a _DelayPeriod, and the delay that was set; all in seconds."""

    toward: str
    engine: str
    asked: float
    jitter: float
    alone: bool  # no other fault that delays was in force
    measured: tuple[float, ...]


def _measure(run: Evidence, period: _DelayPeriod) -> Iterator[_Delays]:
    """The delays during a period: of the frames that met the same faults. Frames that met no Delay are not measured."""
    by_faults: dict[tuple[FaultPeriod, ...], list[Frame]] = {}
    for frame in run.frames(to=period.toward, after=period.began, before=period.ended):
        met = tuple(each for each in period.faults if each.may_apply_to(frame))
        by_faults.setdefault(met, []).append(frame)
    for met, frames in by_faults.items():
        faults = [each.fault for each in met if isinstance(each.fault, Delay)]
        asked = sum(fault.time for fault in faults)
        jitter = sum(fault.jitter for fault in faults)
        longest = round((asked + jitter) * NS)
        in_time = [frame for frame in frames if frame.sent_at < period.ended - longest]
        measured = tuple(frame.delay for frame in in_time if frame.delay is not None)
        if not faults or not measured:
            continue
        yield _Delays(
            toward=period.toward,
            engine=met[0].engine,
            asked=asked,
            jitter=jitter,
            alone=len(faults) == len(met),
            measured=measured,
        )


def _lateness_of_quickest(delays: _Delays, all_delays: Sequence[_Delays]) -> float:
    """How late the quickest frame was, in seconds: of these frames, or, if these are few, of all of the engine's."""
    compared = [delays]
    if len(delays.measured) < ENOUGH:
        compared = [each for each in all_delays if each.engine == delays.engine]
    return min(min(each.measured) - each.asked for each in compared)


def _judge(delays: _Delays, late: float, early: float, tolerance: float) -> Check:
    """The check on the median delay.

    Args:
        delays: what was measured.
        late: how late the frames are taken to be, in seconds.
        early: by how many seconds the median may be too short.
        tolerance: by how many seconds, besides the jitter, frames may be late; above it the median gets an upper bound.
    """
    least = max(0.0, delays.asked - delays.jitter - early)
    most = inf
    if delays.alone and late > delays.jitter + tolerance:
        most = delays.asked + delays.jitter + tolerance
    return between("median delay toward {host}", median(delays.measured), least, most, "s", host=delays.toward)


def _explained(frame: Frame, run: Evidence) -> bool:
    """Whether a fault in force may have dropped a frame, or the frame was in transit at the end.

    The end is that of the capture, or of a fault that delays: when it is lifted, the frames in its queue are lost.
    """
    end = run.wire.capture_end
    if end is not None and frame.sent_at > end - EDGE:
        return True  # still between the two ports when the capture ended
    in_force = [each for each in run.faults(toward=frame.toward) if each.may_apply_to(frame, EDGE)]
    for period in in_force:
        if period.fault.can_lose and not _passes(frame, period.fault):
            return True
    delaying = [period for period in in_force if period.fault.can_delay]
    longest = sum(_longest_delay(period.fault) for period in delaying)
    due = frame.sent_at + longest * NS + EDGE
    for period in delaying:
        ended = end if period.ended is None else period.ended
        if ended is None or due > ended:
            return True
    return False


def _longest_delay(fault: Fault) -> float:
    """The longest time for which a fault may delay a frame, in seconds; infinite if there is no limit."""
    if isinstance(fault, Delay):
        return fault.time + fault.jitter
    if isinstance(fault, Reorder):
        return fault.by
    return inf


def _passes(frame: Frame, fault: Fault) -> bool:
    """Whether the fault is an Mtu that forwards the frame. It is not known which frames another fault forwards."""
    if not isinstance(fault, Mtu):
        return False
    ip = frame.decoded.ip
    return ip is None or ip.length <= fault.size


def _describe(frame: Frame, run: Evidence) -> str:
    seconds = (frame.sent_at - run.meta["t"]) / NS
    what: str = frame.decoded.protocol
    if frame.decoded.tcp:
        what = f"{what} {frame.decoded.tcp.flags}"
    return f"{what} from {frame.source} to {frame.toward}, {seconds:.3f} s into the run"
