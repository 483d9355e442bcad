"""A second witness: tshark reads every capture of the catalogue, and its analysis of TCP is compared with the lab's.

What is compared is `capture-HOST.pcapng`. tshark takes a capture for one made at one end, where what was sent and what
arrived stand in the order in which that host saw them. In `capture.pcapng` an acknowledgment stands where it was sent,
long before its receiver knew it if the wire delays it, so duplicates and full windows are others there.

Both must say the same of each segment. Each known difference has a rule below; a difference without one fails.
"""

import shutil
import subprocess
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path

import pytest

from badwire.evidence import windows
from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Delivery, Frame
from badwire.evidence.stream import TcpStream, tcp_of
from badwire.packets import pcapng
from badwire.packets.packet import decode
from badwire.packets.pcapng import Captured
from badwire.pytest_plugin import require
from badwire.scenario import scenario_file
from badwire.store import captures
from tests.quick import no_leftovers as no_leftovers

RETRANSMISSION = "retransmission"
FAST = "fast_retransmission"
SPURIOUS = "spurious_retransmission"
OUT_OF_ORDER = "out_of_order"
LOST = "lost_segment"
DUPLICATE = "duplicate_ack"
ZERO_WINDOW = "zero_window"
WINDOW_FULL = "window_full"
KEEPALIVE = "keep_alive"
AGAIN = frozenset({RETRANSMISSION, FAST, SPURIOUS, OUT_OF_ORDER})  # tshark gives one of these to what was sent before
NO_DUPLICATE = frozenset({ZERO_WINDOW, KEEPALIVE, "window_update", "keep_alive_ack"})
# The lab compares a segment with the window that its sender knew, and says of arrivals what is missing or comes twice.
COMPARED_SENT = AGAIN | {ZERO_WINDOW, LOST, WINDOW_FULL}
COMPARED_RECEIVED = AGAIN | {ZERO_WINDOW, LOST, DUPLICATE}
MARKS = tuple(sorted(COMPARED_SENT | COMPARED_RECEIVED | NO_DUPLICATE))
FIELDS = (
    "frame.time_epoch",
    "tcp.stream",
    "tcp.analysis.initial_rtt",
    "_ws.malformed",
    "_ws.expert.severity",
    *(f"tcp.analysis.{m}" for m in MARKS),
)
ERROR = "8388608"  # PI_ERROR, epan/proto.h
FAST_ACKS = 2  # duplicate ACKs, and
FAST_WITHIN = 20_000_000  # ns since the last of them, packet-tcp.c
ICMPV6_HEADER = 8  # bytes of an error, before the datagram that it quotes
OUT_OF_ORDER_WITHIN = 3_000_000  # ns, packet-tcp.c; the first round trip where tshark knows it


@dataclass(frozen=True)
class Line:
    """What tshark says of one frame.

    Attributes:
        t: its time, in ns.
        connection: the number of its TCP connection.
        first_round_trip: of the connection, in ns; else what tshark assumes.
        bad: whether it is malformed or has an error such as a wrong checksum.
        marks: of its analysis.
    """

    t: int
    connection: str
    first_round_trip: int
    bad: bool
    marks: frozenset[str]


def tshark(files: Iterable[Path]) -> list[Line]:
    """The analysis of captures, read one after the other as one file."""
    command = ["tshark", "-n", "-r", "-", "-T", "fields"]
    for protocol in ("ip", "tcp", "udp"):
        command += ["-o", f"{protocol}.check_checksum:TRUE"]
    for name in FIELDS:
        command += ["-e", name]
    capture = b"".join(file.read_bytes() for file in files)
    done = subprocess.run(command, input=capture, capture_output=True, check=True)
    return [line_of(text) for text in done.stdout.decode().splitlines()]


def line_of(text: str) -> Line:
    time, connection, round_trip, malformed, severities, *marks = text.split("\t")
    given = {mark for mark, value in zip(MARKS, marks, strict=True) if value}
    if given & {FAST, SPURIOUS}:
        given.discard(RETRANSMISSION)  # which tshark gives beside the more precise name
    return Line(
        t=nanoseconds(time),
        connection=connection,
        first_round_trip=nanoseconds(round_trip) if round_trip else OUT_OF_ORDER_WITHIN,
        bad=bool(malformed) or ERROR in severities.split(","),
        marks=frozenset(given),
    )


def quotes_in_part(frame: Captured) -> bool:
    """Whether it is an ICMPv6 error that quotes the beginning of a segment.

    tshark takes what is quoted for all of the segment, and so finds its checksum wrong.
    """
    message = decode(frame.data).icmp6
    if message is None or message.quoted is None or message.quoted.ip is None:
        return False
    return message.quoted.ip.length > message.length - ICMPV6_HEADER


def nanoseconds(seconds: str) -> int:
    whole, fraction = seconds.split(".")
    return int(whole + fraction)  # tshark prints nine digits of the fraction


@pytest.fixture(scope="module")
def witness() -> None:
    """tshark is installed."""
    if shutil.which("tshark") is None:
        require.lacking("there is no tshark: apt-get install tshark", {"virtual"})


@pytest.fixture(scope="module")
def analyses(witness: None, catalogue: Path) -> Mapping[Path, list[Line]]:
    """What tshark says of each host's capture, by its path."""
    files = sorted(catalogue.glob(f"once/*/latest/{captures.of_host('*')}"))
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(files, pool.map(lambda file: tshark([file]), files), strict=True))


@dataclass(frozen=True)
class Passage:
    """A segment in a host's capture: sent by the host, or, with its delivery, received; and what tshark says of it."""

    position: int  # in frames.pcapng
    frame: Frame
    delivery: Delivery | None
    line: Line

    @property
    def received(self) -> bool:
        return self.delivery is not None


@dataclass(frozen=True)
class View:
    """One connection in the capture of one of its hosts."""

    host: str
    stream: TcpStream
    passages: Sequence[Passage]

    @property
    def has_earlier_numbers(self) -> bool:
        """Whether the server's first segments are those of an earlier connection on the same ports.

        A client that had lost that connection opened another one, and the server answered with its numbers.
        """
        of_server = [tcp_of(frame).flags for frame in self.stream.frames if frame.source == self.stream.server]
        return "SA" in of_server[1:] and "S" not in of_server[0]


class History:
    """A run's captures, as the lab and as tshark read them."""

    def __init__(self, folder: Path, analyses: Mapping[Path, list[Line]]) -> None:
        self.run = Evidence.load(folder)
        self.lines = {host: analyses[folder / captures.of_host(host)] for host in self.run.hosts}

    @cached_property
    def positions(self) -> Mapping[str, list[int]]:
        """For each host, the positions in frames.pcapng of the frames in its capture."""
        positions: dict[str, list[int]] = {host: [] for host in self.run.hosts}
        for position, frame in enumerate(self.run.pcap.frames):
            if frame.port in positions:
                positions[frame.port].append(position)
        return positions

    @cached_property
    def damaged(self) -> frozenset[int]:
        """The positions of the frames that a fault changed."""
        found = set()
        for frame in self.run.wire.frames:
            found |= {delivery.position for delivery in frame.deliveries if delivery.damaged is not None}
        return frozenset(found)

    @cached_property
    def views(self) -> Sequence[View]:
        """Every connection, once in the capture of each of its hosts."""
        line_at: dict[int, Line] = {}
        for host, positions in self.positions.items():
            line_at.update(zip(positions, self.lines[host], strict=True))
        sent_at: dict[tuple[int, str, bytes], deque[int]] = defaultdict(deque)
        for position, captured in enumerate(self.run.pcap.frames):
            if captured.direction == "in":
                sent_at[captured.t, captured.port, captured.data].append(position)
        views = []
        for stream in self.run.wire.streams:
            seen: dict[str, list[Passage]] = {stream.client: [], stream.server: []}
            for frame in stream.frames:
                position = sent_at[frame.sent_at, frame.source, frame.data].popleft()
                if frame.source in seen:  # not what the wire itself sent
                    seen[frame.source].append(Passage(position, frame, None, line_at[position]))
                for delivery in frame.deliveries:
                    line = line_at[delivery.position]
                    seen[frame.toward].append(Passage(delivery.position, frame, delivery, line))
            for host, passages in seen.items():
                passages.sort(key=lambda passage: passage.position)
                views.append(View(host, stream, passages))
        return views


@pytest.fixture(scope="module", params=scenario_file.names())
def history(request: pytest.FixtureRequest, catalogue: Path, analyses: Mapping[Path, list[Line]]) -> History:
    return History(catalogue / "once" / request.param / "latest", analyses)


@dataclass(frozen=True)
class Opinion:
    """What the lab says of a segment, and what the rules need."""

    view: View
    passage: Passage
    marks: frozenset[str]
    since_newest: int  # ns since the segment with the highest number in its direction

    @property
    def compared(self) -> frozenset[str]:
        return COMPARED_RECEIVED if self.passage.received else COMPARED_SENT

    @property
    def only_lab(self) -> frozenset[str]:
        return self.marks - self.passage.line.marks

    @property
    def only_tshark(self) -> frozenset[str]:
        return (self.passage.line.marks & self.compared) - self.marks


@dataclass
class Direction:
    """What passed in one direction of a connection so far, in the order of a capture."""

    newest: int = 0  # the highest number
    newest_at: int = 0
    highest_ack: int = 0
    bare_acks: Counter[int] = field(default_factory=Counter)
    duplicates: Counter[int] = field(default_factory=Counter)  # of these, with the window of the one before
    duplicate_at: int = 0
    window: int = 0

    def has_acknowledged(self, end: int) -> bool:
        """Whether the numbers below ``end`` were acknowledged."""
        return self.highest_ack >= end

    def has_asked_for(self, number: int, t: int) -> bool:
        """Whether duplicate ACKs (RFC 5681 section 2) asked for a number shortly before ``t``."""
        return self.duplicates[number] >= FAST_ACKS and t - self.duplicate_at < FAST_WITHIN

    def count(self, stream: TcpStream, frame: Frame, t: int) -> None:
        """Note a segment that passed in this direction."""
        segment, end = tcp_of(frame), stream.end(frame)
        if end > self.newest:
            self.newest, self.newest_at = end, t
        if "A" in segment.flags:
            ack = stream.ack(frame)
            self.highest_ack = max(self.highest_ack, ack)
            if is_bare_ack(frame):
                if self.bare_acks[ack] and segment.window == self.window:
                    self.duplicates[ack] += 1
                    self.duplicate_at = t
                self.bare_acks[ack] += 1
        self.window = segment.window


def is_bare_ack(frame: Frame) -> bool:
    return tcp_of(frame).flags == "A" and tcp_of(frame).length == 0


def opinions(view: View) -> Iterator[Opinion]:
    """What the lab says of each segment, in the order of the capture."""
    stream = view.stream
    repeated = {id(frame) for frame in stream.retransmissions}
    full = {id(sent.frame) for sent in windows.sent_against_window(stream, view.host) if sent.room == 0}
    zero = set()
    for side in (stream.client, stream.server):
        zero |= {id(update.frame) for update in windows.window_updates(stream, side) if update.window == 0}
    directions = {True: Direction(), False: Direction()}  # received, sent
    for passage in view.passages:
        frame, t = passage.frame, passage.line.t
        segment = tcp_of(frame)
        number, end = stream.seq(frame), stream.end(frame)
        there, back = directions[passage.received], directions[not passage.received]
        marks = set()
        if id(frame) in zero:
            marks.add(ZERO_WINDOW)
        if not passage.received and id(frame) in full:
            marks.add(WINDOW_FULL)
        if passage.received and number > there.newest:
            marks.add(LOST)
        if passage.received and is_bare_ack(frame) and there.bare_acks[stream.ack(frame)] > 0:
            marks.add(DUPLICATE)
        is_passed = number < there.newest if passage.received else id(frame) in repeated
        if segment.length > 0 and is_passed:
            if id(frame) not in repeated:
                marks.add(OUT_OF_ORDER)
            elif segment.data_length > 0 and back.has_acknowledged(end):
                marks.add(SPURIOUS)
            elif back.has_asked_for(number, t):
                marks.add(FAST)
            else:
                marks.add(RETRANSMISSION)
        repeated |= {id(frame)} if passage.received else set()  # another delivery of it is a copy
        yield Opinion(view, passage, frozenset(marks), t - there.newest_at)
        there.count(stream, frame, t)


def guessed_from_time(opinion: Opinion) -> bool:
    """tshark cannot know whether a number that was passed is sent again or late, and the lab saw what the sender sent.

    What comes within the first round trip after the newest segment is out of order to tshark; what comes later, or what
    was acknowledged or asked for, is a retransmission.
    """
    if opinion.only_tshark == {OUT_OF_ORDER}:
        return opinion.only_lab <= AGAIN and opinion.since_newest < opinion.passage.line.first_round_trip
    if opinion.only_lab == {OUT_OF_ORDER}:
        return opinion.only_tshark <= AGAIN
    return False


def acknowledgment_with_news(opinion: Opinion) -> bool:
    """To tshark an ACK that changes the window, closes it, is a probe, or answers one is no duplicate.

    RFC 5681 section 2 excludes a changed window, too. The lab counts all bare ACKs for one number.
    """
    is_news = bool(opinion.passage.line.marks & NO_DUPLICATE)
    return opinion.only_lab == {DUPLICATE} and not opinion.only_tshark and is_news


def fin_with_a_zero_window(opinion: Opinion) -> bool:
    """tshark gives a FIN no mark for its window."""
    is_fin = "F" in tcp_of(opinion.passage.frame).flags
    return opinion.only_lab == {ZERO_WINDOW} and not opinion.only_tshark and is_fin


def of_an_earlier_connection(opinion: Opinion) -> bool:
    """The numbers of an earlier connection on the same ports cannot be counted from the SYNs of the new one."""
    return opinion.view.has_earlier_numbers


RULES: tuple[Callable[[Opinion], bool], ...] = (
    guessed_from_time,
    acknowledgment_with_news,
    fin_with_a_zero_window,
    of_an_earlier_connection,
)


def test_tshark_reads_every_frame(history: History) -> None:
    """Without an error but for what a fault changed, such as a wrong checksum, and in the order of time."""
    for host, lines in history.lines.items():
        assert all(line.t <= after.t for line, after in pairwise(lines))
        bad = {position for position, line in zip(history.positions[host], lines, strict=True) if line.bad}
        quotes = {position for position in bad if quotes_in_part(history.run.pcap.frames[position])}
        assert bad - quotes <= history.damaged


def test_every_word_of_the_comparison_occurs(analyses: Mapping[Path, list[Line]]) -> None:
    lines = chain.from_iterable(analyses.values())
    assert {mark for line in lines for mark in line.marks} >= COMPARED_SENT | COMPARED_RECEIVED


def test_tshark_reads_what_entered_the_wire(witness: None, catalogue: Path) -> None:
    files = sorted(catalogue.glob(f"once/*/latest/{captures.ENTERED}"))
    lines = iter(tshark(files))
    for file in files:
        frames = pcapng.read(file).frames
        read = [next(lines) for _ in frames]
        bad = [frame for frame, line in zip(frames, read, strict=True) if line.bad]
        assert all(quotes_in_part(frame) for frame in bad), file
        assert all(line.t <= after.t for line, after in pairwise(read)), file
    assert next(lines, None) is None


def test_the_connections_are_the_same(history: History) -> None:
    """But a segment that is delivered after its connection's ports were used again is of the new one to tshark."""
    began: dict[tuple[str, str], int] = {}
    for view in history.views:
        if view.passages:
            first = view.passages[0]
            assert (view.host, first.line.connection) not in began
            began[view.host, first.line.connection] = first.position
    for view in history.views:
        for passage in view.passages:
            if passage.line.connection != view.passages[0].line.connection:
                assert passage.received
                assert view.passages[0].position < began[view.host, passage.line.connection] < passage.position


def test_no_acknowledgment_stands_before_its_data(history: History) -> None:
    early = []
    for view in history.views:
        if view.has_earlier_numbers:
            continue
        stream = view.stream
        newest = {True: 0, False: 0}  # received, sent
        for passage in view.passages:
            frame = passage.frame
            flags = tcp_of(frame).flags
            if "A" in flags and "R" not in flags and stream.ack(frame) > newest[not passage.received]:
                early.append(f"{view.host}: ACK {stream.ack(frame)} at {passage.line.t} ns")
            newest[passage.received] = max(newest[passage.received], stream.end(frame))
    assert not early, "\n".join(early)


def test_tshark_agrees(history: History) -> None:
    unexplained = []
    for view in history.views:
        for opinion in opinions(view):
            if (opinion.only_lab or opinion.only_tshark) and not any(rule(opinion) for rule in RULES):
                unexplained.append(described(opinion))
    assert not unexplained, "\n".join(unexplained)


def described(opinion: Opinion) -> str:
    view, frame = opinion.view, opinion.passage.frame
    way = "received" if opinion.passage.received else "sent"
    return (
        f"{view.host} {way} {tcp_of(frame).flags} {view.stream.seq(frame)} on port {view.stream.server_port}"
        f" at {opinion.passage.line.t} ns:"
        f" only the lab says {sorted(opinion.only_lab)}, only tshark {sorted(opinion.only_tshark)}"
    )
