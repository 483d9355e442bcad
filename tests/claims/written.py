"""Evidence written by hand, for tests: real frames and records, saved and loaded like those of a run.

    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    w.sample("server", 0.2, [sock("TIME_WAIT", 7000, 40001)])
    assert verdict_of(my_claim, w.evidence()) is FAILS

Times are seconds into the run. A frame is delivered 50 us after it was sent, unless it has ``lost=True``,
``delivered=0.3`` or ``delivered=(0.3, 0.4)``.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from badwire.agent.host.table_changes import TableChanges
from badwire.evidence import Evidence
from badwire.packets.pcapng import Captured, CaptureFile
from badwire.store.reader import FORMAT
from badwire.store.records import LOOPBACK_PACKETS
from badwire.util.jsonlines import WIRE
from tests.claims import forged
from tests.claims.forged import CLIENT_PORT, SERVER_PORT
from tests.claims.forged import sock as sock

START = 1_000_000_000_000  # ns; when the run began
ON_THE_WIRE = 50e-6  # s; sent to delivered without a fault
TICK = 4_000_000  # ns; at 250 Hz
NOT_BLOCKING: Mapping[str, Any] = {"kind": "blocking", "calls": []}
OFFLOADS = {"tso": False, "gso": False, "gro": False, "tx-checksum": False}


def ns(seconds: float) -> int:
    """A time of the run in ns of its clock."""
    return START + round(seconds * 1_000_000_000)


class Written:
    """A run written by hand. ``facts`` replace those of each host: hz, release, sysctls, mtu, offloads.

    With ``ipv6`` each host has an IPv6 address too; ``version`` is that of the frames that are written next.
    """

    def __init__(
        self, hosts: Sequence[str] = ("server", "client"), scenario: str = "written", ipv6: bool = False, **facts: Any
    ) -> None:
        self.hosts = {host: f"10.0.0.{number}" for number, host in enumerate(hosts, 2)}
        self.hosts6 = {host: f"fd00::{number}" for number, host in enumerate(hosts, 2)} if ipv6 else {}
        self.version = 6 if ipv6 else 4
        self.records: list[dict[str, Any]] = []
        self.captured: list[Captured] = []
        self.dropped = 0
        self._ids = 0
        run = {"substrate": "netns", "engine": "auto", "clock": "real", "seed": 1, "snaplen": 262144}
        self.record("meta", 0, format=FORMAT, scenario=scenario, hosts=self.hosts, hosts6=self.hosts6, **run)
        known = {"release": "6.18.44", "hz": 250, "machine": "x86_64", "mtu": 1500, "offloads": OFFLOADS, "sysctls": {}}
        for host in hosts:
            self.record("facts", 0, host=host, mac=self.mac(host), **{**known, **facts})

    def record(self, kind: str, t: float, **fields: Any) -> None:
        """Any record as it is in evidence.jsonl, at ``t``."""
        self.records.append({"kind": kind, "t": ns(t), **fields})

    def note(self, t: float, text: str) -> None:
        self.record("note", t, text=text)

    def sample(
        self,
        host: str,
        t: float,
        sockets: Sequence[Mapping[str, Any]],
        prev: float | None = None,
        cause: str = "interval",
    ) -> None:
        """A sample with the whole table, of which the evidence will have what differs from the sample before.

        The table before was last found unchanged at ``prev``, by default 10 ms before.
        """
        before = ns(t - 0.01 if prev is None else prev)
        self.record("sample", t, host=host, prev=before, cause=cause, sockets=list(sockets))

    def call(
        self,
        host: str,
        t: float,
        call: str,
        *args: Any,
        took: float = 1e-4,
        value: Any = None,
        errno: str | None = None,
        socket: int = 1,
    ) -> None:
        """A call on a controlled socket."""
        what = {"host": host, "socket": socket, "call": call, "args": list(args), "value": value, "errno": errno}
        self.records.append({"kind": "call", "began": ns(t), "ended": ns(t + took), **what})

    def blocking(self, host: str, t: float, call: str, *args: Any, until: float | None, number: int = 1) -> None:
        """A call that begins at ``t`` and has not returned at ``until``; None: nobody looked."""
        self.record("calling", t, host=host, socket=1, call=call, args=list(args), number=number)
        if until is not None:
            self.record("blocking", until, host=host, calls=[number])

    def program(
        self,
        host: str,
        t: float,
        name: str,
        *argv: str,
        number: int = 1,
        exits: float | None = None,
        status: int | None = 0,
        signal: str | None = None,
        out: str = "",
        err: str = "",
    ) -> None:
        """A program that starts and is ready at ``t``, writes ``out`` and ``err``, and ends at ``exits``."""
        end = t if exits is None else exits
        same = {"host": host, "program": number, "name": name, "argv": [name, *argv], "pid": 10 + number}
        self.record("program", t, event="start", **same)
        self.record("program", t, event="ready", **same)
        for stream, text in (("out", out), ("err", err)):
            if text:
                self.record("output", end, host=host, program=number, stream=stream, text=text)
        if exits is not None:
            self.record("program", exits, event="exit", status=status, signal=signal, zombies=0, **same)

    def fault(self, t: float, toward: str, *faults: Mapping[str, Any], engine: str = "relay") -> None:
        """The faults that are in force toward a host from ``t`` on; none: they are lifted."""
        self.record("fault", t, toward=toward, engine=engine, faults=list(faults))

    def counters(self, host: str, t: float, **counters: int) -> None:
        """Counters by their names with ``_`` for the dot: ``Tcp_RetransSegs=1``."""
        self.record("counters", t, host=host, counters={k.replace("_", ".", 1): v for k, v in counters.items()})

    def processes(self, host: str, t: float, *states: str) -> None:
        """The processes of a host, each given by its state."""
        listed = [{"pid": n, "ppid": 1, "state": state, "program": 1, "name": "p"} for n, state in enumerate(states, 2)]
        self.record("processes", t, host=host, processes=listed)

    def segment(
        self,
        source: str,
        to: str,
        t: float,
        flags: str,
        *,
        seq: int = 0,
        ack: int = 0,
        data: bytes = b"",
        sport: int | None = None,
        dport: int | None = None,
        window: int = 64240,
        options: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> bytes:
        """A TCP segment; the server's port is 7000 by default, that of others 40001. Returns the frame's bytes."""
        ports, ident = self._ports(source, sport, dport), self._next()
        built = forged.tcp(self._ends(source, to), ports, flags, seq, ack, data, window, options, ident)
        return self.frame(source, to, t, built, **how)

    def datagram(self, source: str, to: str, t: float, data: bytes = b"", **how: Any) -> bytes:
        """A UDP datagram, by default between the same ports (``sport``, ``dport``); returns the frame's bytes."""
        ports = self._ports(source, how.pop("sport", None), how.pop("dport", None))
        built = forged.udp(self._ends(source, to), ports, data, self._next())
        return self.frame(source, to, t, built, **how)

    def unreachable(
        self, source: str, to: str, t: float, about: bytes, code: int = 3, next_mtu: int = 0, **how: Any
    ) -> bytes:
        """An ICMP message "unreachable" (code 3: port; 4: too long) about a frame; returns its own frame's bytes.

        Where the wire itself sends it, it has the MAC and IP addresses of the host that was not reached.
        """
        ends = forged.ends_of(about) if source == WIRE else self._ends(source, to)
        return self.frame(source, to, t, forged.unreachable(ends, about, code, self._next(), next_mtu), **how)

    def too_big(self, source: str, to: str, t: float, about: bytes, next_mtu: int, code: int = 0, **how: Any) -> bytes:
        """An ICMPv6 message "packet too big" about a frame; returns its own frame's bytes. See ``unreachable``."""
        ends = forged.ends_of(about) if source == WIRE else self._ends(source, to)
        return self.frame(source, to, t, forged.too_big(ends, about, next_mtu, code), **how)

    def arp(self, source: str, to: str, t: float, **how: Any) -> bytes:
        """Who has the address of ``to``? A broadcast, delivered to every other host."""
        others = [host for host in self.hosts if host != source]
        return self.frame(source, others, t, forged.arp(self._ends(source, to)), **how)

    def frame(
        self,
        source: str,
        to: str | Sequence[str],
        t: float,
        frame: bytes,
        delivered: float | tuple[float, ...] | None = None,
        lost: bool = False,
        arrives_as: bytes | None = None,
    ) -> bytes:
        """Any frame, sent at ``t``; ``arrives_as`` is what a fault made of it. With two times it is delivered twice."""
        self.captured.append(Captured(ns(t), source, "in", frame, len(frame)))
        once = t + ON_THE_WIRE if delivered is None else delivered
        times = once if isinstance(once, tuple) else (once,)
        for host in (to,) if isinstance(to, str) else to:
            for at in () if lost else times:
                self.captured.append(Captured(ns(at), host, "out", arrives_as or frame, len(frame)))
        return frame

    def mac(self, host: str) -> str:
        return f"02:00:00:00:00:{list(self.hosts).index(host) + 2:02x}"

    def evidence(self, folder: Path | None = None, ended: bool = True) -> Evidence:
        """Save all of it and load it again; a run that ``ended`` has the last records of the capture and of the run."""
        records = list(_with_changes(sorted(self.records, key=_time)))
        if ended:
            times = [_time(record) for record in records] + [each.t for each in self.captured]
            last = max(times) + 1_000_000_000
            records += self._loopback(last)
            _add_last_questions(records, self.hosts)
            count = {"frames": len(self.captured), "dropped": self.dropped}
            records.append({"kind": "capture", "t": last, **count})
            kinds = Counter(record["kind"] for record in records)
            records.append({"kind": "end", "t": last, "error": None, "records": dict(kinds)})
        capture = CaptureFile(tuple(self.captured), tuple(self.hosts), self.dropped if ended else None, complete=True)
        with tempfile.TemporaryDirectory() as temporary:
            place = folder or Path(temporary)
            Evidence(tuple(records), capture).write(place)
            return Evidence.load(place)

    def _loopback(self, last: int) -> list[dict[str, Any]]:
        """No packet on the loopback interface of any host whose counters there were not given."""
        given = {record["host"] for record in self.records if LOOPBACK_PACKETS in record.get("counters", {})}
        counters = {"kind": "counters", "counters": {LOOPBACK_PACKETS: 0}}
        hosts = [host for host in self.hosts if host not in given]
        return [{**counters, "t": t, "host": host} for t in (START, last) for host in hosts]

    def _ends(self, source: str, to: str) -> forged.Ends:
        addresses = self.hosts6 if self.version == 6 else self.hosts
        return self.mac(source), self.mac(to), addresses[source], addresses[to]

    def _ports(self, source: str, sport: int | None, dport: int | None) -> tuple[int, int]:
        usual = (SERVER_PORT, CLIENT_PORT) if source == "server" else (CLIENT_PORT, SERVER_PORT)
        return sport or usual[0], dport or usual[1]

    def _next(self) -> int:
        """An IP id for each datagram, as hosts do: so a retransmission is not a copy."""
        self._ids += 1
        return self._ids


def _with_changes(records: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The records, in order, as the lab writes them: a sample has what changed since the host's sample before."""
    tables: dict[str, TableChanges] = {}
    numbers = Counter[str]()
    for record in records:
        if record["kind"] == "sample":
            host, t = record["host"], record["t"]
            numbers[host] += 1
            change = tables.setdefault(host, TableChanges(TICK)).update(record["sockets"], t, t)
            yield {**record, "number": numbers[host], **change.fields}
        else:
            yield dict(record)


def _add_last_questions(records: list[dict[str, Any]], hosts: Iterable[str]) -> None:
    """Before each host's last table and counters the lab asks it which calls are blocking."""
    for host in hosts:
        last: dict[str, int] = {}
        for position, record in enumerate(records):
            if record.get("host") == host:
                last[record["kind"]] = position
        if "sample" in last:
            position = min(last["sample"], last["counters"])
            records.insert(position, {**NOT_BLOCKING, "host": host, "t": _time(records[position])})


def _time(record: Mapping[str, Any]) -> int:
    return int(record.get("t", record.get("began", START)))
