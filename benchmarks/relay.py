"""How fast the relay is, against the same wire without it: ``python -m benchmarks.relay``, about 40 s.

Two hosts on a bridge, MTU 1500, all offloads off. The relay runs on one core by itself, both hosts on the other. Each
figure is of one run on this machine, with the wire alone measured in the same run, so only ratios can be compared
between machines.
"""

import os
import select
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "agent" / "relay"))
from relay_network import SERVER, HostNetwork, in_a_child

from badwire.faults import Delay, Fault, Loss
from badwire.units import ms

SECONDS = 2.0  # of each throughput
PROBES = 200  # of each delay
SMALL = b"x" * 18  # with UDP, IP and Ethernet: a frame of 60 bytes, the smallest that Ethernet knows
_TICK = os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """Between readings: seconds, frames that the client sent and that reached the server, relay's seconds of work."""

    seconds: float
    sent: int
    frames: int
    processor: float


class Gauge:
    """Reads the server's counters and the relay's use of the processor."""

    def __init__(self, network: HostNetwork) -> None:
        self._ground = network
        self._before = self._look()

    def _look(self) -> Used:
        stat = Path(f"/proc/{self._ground.relay.pid}/stat").read_text().rpartition(")")[2].split()
        processor = (int(stat[11]) + int(stat[12])) / _TICK
        return Used(time.monotonic(), self._count("client", 10), self._count("server", 2), processor)

    def _count(self, host: str, column: int) -> int:
        with self._ground.inside(host):
            lines = Path("/proc/self/net/dev").read_text().splitlines()
        return int(next(line for line in lines if "eth0:" in line).split()[column])

    def since(self) -> Used:
        now = self._look()
        before = self._before
        return Used(
            now.seconds - before.seconds,
            now.sent - before.sent,
            now.frames - before.frames,
            now.processor - before.processor,
        )


@contextmanager
def worker(work: object, *args: object) -> Iterator[None]:
    """A process beside us on the hosts' core, waited for at the end of the block."""
    pid = os.fork()
    if not pid:
        try:
            work(*args)  # type: ignore[operator]
        finally:
            os._exit(0)
    yield
    os.waitpid(pid, 0)


def send_stream(sock: socket.socket) -> None:
    data, end = bytes(1 << 18), time.monotonic() + SECONDS
    while time.monotonic() < end:
        sock.sendall(data)
    sock.close()


def send_datagrams(sock: socket.socket, a_second: int | None) -> None:
    """Send as fast as possible, or ``a_second`` datagrams a second in bursts of 1 ms."""
    sock.connect((SERVER, 5000))
    begin = now = time.monotonic()
    sent = 0
    while now < begin + SECONDS:
        wanted = sent + 100 if a_second is None else int((now - begin) * a_second)
        for _ in range(wanted - sent):
            sock.send(SMALL)
        sent = wanted
        if a_second:
            time.sleep(0.001)  # the pace itself, not a wait for anything
        now = time.monotonic()


def stream(network: HostNetwork) -> float:
    """Bits a second that one TCP connection carries to the server."""
    with network.inside("server"):
        listener = socket.create_server(("", 0))
    with network.inside("client"):
        sender = socket.socket()
    sender.connect((SERVER, listener.getsockname()[1]))
    receiver = listener.accept()[0]
    listener.close()
    buffer, total, begin = bytearray(1 << 20), 0, time.monotonic()
    with worker(send_stream, sender), receiver:
        sender.close()
        while size := receiver.recv_into(buffer):
            total += size
        return total * 8 / (time.monotonic() - begin)


def datagrams(network: HostNetwork, a_second: int | None) -> Used:
    """Small datagrams to a port that nobody reads: the frames are counted at the server's interface."""
    sender = network.udp("client")
    gauge = Gauge(network)
    with worker(send_datagrams, sender, a_second):
        pass
    if a_second is None:
        used = gauge.since()
        drain(network)
        return used
    drain(network)
    return gauge.since()


def drain(network: HostNetwork) -> None:
    """Return once nothing waits in the relay: a probe has come out behind it all (and went in, when there was room)."""
    sender, receiver = network.udp("client"), network.udp("server", 5002)
    receiver.settimeout(0.1)
    arrived = False
    while not arrived:
        sender.sendto(SMALL, (SERVER, 5002))
        with suppress(TimeoutError):
            arrived = bool(receiver.recv(100))
    receiver.close()


def delays(network: HostNetwork, asked: float) -> str:
    """One datagram after the other, each with the time in it at which it was sent; both ends read one clock."""
    sender, receiver = network.udp("client"), network.udp("server", 5001)
    errors = []
    for _ in range(PROBES):
        began = time.monotonic_ns()
        sender.sendto(SMALL, (SERVER, 5001))
        receiver.recv(100)
        errors.append((time.monotonic_ns() - began) / 1e6 - asked / ms)
    receiver.close()
    return f"median {statistics.median(errors):7.3f} ms   p99 {statistics.quantiles(errors, n=100)[98]:7.3f} ms"


def report(network: HostNetwork) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    os.sched_setaffinity(network.relay.pid, {cores[-1]})
    sink = network.udp("server", 5000)  # nobody reads it: neither ICMP nor a reader shares the core
    print(
        f"Linux {os.uname().release}, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f} before the run;",
        end=" ",
    )
    print(f"hosts on core {cores[0]}, relay on core {cores[-1]}, {scheduling(network)}")

    ways: list[tuple[str, list[Fault], bool]] = [
        ("relay, no fault", [], False),
        ("relay, Delay 1 ms", [Delay(1 * ms)], False),
        ("relay, Delay 1 ms and Loss 0", [Delay(1 * ms), Loss(0.0)], False),
        ("relay, Delay 1 ms, watched", [Delay(1 * ms)], True),
    ]
    print(f"\nFor {SECONDS:g} s each: one TCP connection with full frames; frames of 60 bytes, as many as get through")
    wire = stream(network), datagrams(network, None)
    print(f"  {'wire alone':30} {wire[0] / 1e9:6.2f} Gbit/s {'':9} {wire[1].frames / SECONDS:10,.0f} frames/s")
    network.redirect()
    for name, faults, watched in ways:
        network.fault(*faults)
        with watching(network) if watched else quiet():
            bits, gauge = stream(network), datagrams(network, None)
        share = bits / wire[0]
        each = gauge.processor / max(gauge.frames, 1) * 1e6
        print(
            f"  {name:30} {bits / 1e9:6.2f} Gbit/s ({share:4.0%})   {gauge.frames / SECONDS:10,.0f} frames/s"
            f" ({gauge.frames / wire[1].frames:4.0%})   {each:.1f} us of processor a frame"
        )

    network.fault(Delay(1 * ms))
    used = datagrams(network, 50_000)
    print(
        f"\nDelay 1 ms, 50,000 frames/s of 60 bytes for {SECONDS:g} s: {used.frames:,} of {used.sent:,} arrived,",
        end=" ",
    )
    print(f"relay busy {used.processor / used.seconds:.0%} of its core")

    print(f"\nDelay of a single frame, what was measured less what was asked, {PROBES} frames each")
    network.remove_redirect()
    print(f"  {'wire alone':30} {delays(network, 0)}")
    network.redirect()
    for asked in (0, 1 * ms, 10 * ms, 50 * ms):
        network.fault(Delay(asked))
        print(f"  {f'relay, Delay {asked / ms:g} ms':30} {delays(network, asked)}")
    sink.close()


def scheduling(network: HostNetwork) -> str:
    prompt = os.sched_getscheduler(network.relay.pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR
    return "real-time" if prompt else "without real-time scheduling (it takes root)"


@contextmanager
def watching(network: HostNetwork) -> Iterator[None]:
    """Read what the relay logs, as the wire's agent does."""
    network.relay.watch(128)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            select.select([network.relay], [], [], 0.1)
            network.relay.events()

    reader = threading.Thread(target=read)
    reader.start()
    yield
    done.set()
    reader.join()
    network.relay.unwatch()


@contextmanager
def quiet() -> Iterator[None]:
    yield


def main() -> None:
    with HostNetwork() as network:
        report(network)


if __name__ == "__main__":
    sys.exit(in_a_child(main))
