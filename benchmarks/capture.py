"""What the capture holds of one TCP connection at full speed, and what it costs, beside the same two hosts alone.

    python -m benchmarks.capture [netns|docker] [MEGABYTES] [SNAPLEN]

The hosts alone are two namespaces, a bridge and the lab's own settings (offloads off), made by iproute2.
Both are measured in one run, since only the ratio can be compared between machines. With docker the hosts are
containers, and the bridge the engine's. "Written" is the time from the end of the capture until all files of the run
are complete; its memory is the highest resident set of this process (ru_maxrss, getrusage(2)).
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from badwire.options import SNAPLEN
from badwire.store import captures
from badwire.store.recorder import EVIDENCE
from badwire.store.records import record_of
from badwire.substrate import select
from badwire.testbed import open_lab
from badwire.topology.topology import Topology

PORT = 7001
PYTHON = "/usr/bin/python3"  # on this machine, and in the image
SERVER = f"""
import socket
listener = socket.create_server(("", {PORT}))
connection, _ = listener.accept()
buffer = bytearray(1 << 18)
while connection.recv_into(buffer):
    pass
connection.close()
"""
CLIENT = f"""
import socket, sys, time
left = int(sys.argv[2])
data = memoryview(bytes(1 << 18))
for _ in range(100):
    try:
        connection = socket.create_connection((sys.argv[1], {PORT}))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
began = time.perf_counter()
while left > 0:
    left -= connection.send(data[:left])
connection.shutdown(socket.SHUT_WR)
while connection.recv(65536):
    pass
print(time.perf_counter() - began)
"""
OFF = "from badwire.agent.host import system; system.turn_offloads_off('eth0')"
MAKE = f"""
ip netns add plain-a; ip netns add plain-b; ip netns add plain-w
ip -n plain-w link add br0 type bridge; ip -n plain-w link set br0 up
for h in a b; do
  ip -n plain-w link add p$h type veth peer name eth0 netns plain-$h; ip -n plain-w link set p$h master br0 up
  ip netns exec plain-$h {sys.executable} -c "{OFF}"; ip -n plain-$h link set eth0 up
done
ip -n plain-a addr add 10.0.0.2/24 dev eth0; ip -n plain-b addr add 10.0.0.3/24 dev eth0
"""
REMOVE = "ip netns del plain-a; ip netns del plain-b; ip netns del plain-w"


@contextmanager
def plain_hosts() -> Iterator[None]:
    try:
        subprocess.run(["sh", "-ec", MAKE], check=True, stdout=subprocess.DEVNULL)
        yield
    finally:
        subprocess.run(["sh", "-c", REMOVE], check=True)


def alone(size: int) -> float:
    """Seconds that the transfer takes without a lab."""
    with plain_hosts():
        server = subprocess.Popen(["ip", "netns", "exec", "plain-a", sys.executable, "-c", SERVER])
        client = ["ip", "netns", "exec", "plain-b", sys.executable, "-c", CLIENT, "10.0.0.2", str(size)]
        done = subprocess.run(client, check=True, capture_output=True, text=True)
        server.wait()
    return float(done.stdout)


def captured(substrate: str, size: int, snaplen: int) -> None:
    """Make the transfer in a lab, and print what it took and what was captured."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        with open_lab(
            Topology.of("server", "client"), select.make(substrate, print), folder=folder, snaplen=snaplen
        ) as lab:
            server, client = lab.host("server"), lab.host("client")
            server.start(PYTHON, "-c", SERVER, port=PORT)
            done = client.run(PYTHON, "-c", CLIENT, server.address, size, timeout=600)
            seconds = float(done.out)
            ended = time.perf_counter()
        written = time.perf_counter() - ended
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        lines = (folder / EVIDENCE).read_bytes().splitlines()
        (counts,) = [record for record in map(record_of, lines) if record["kind"] == "capture"]
        length = (folder / captures.FRAMES).stat().st_size
    print(
        f"captured    {size / seconds / 1e6:7.0f} MB/s   {counts['frames']:,} frames, {counts['dropped']:,} lost;"
        f" {length / 1e6:,.0f} MB written after {written:.1f} s, with {peak:,.0f} MB of memory"
    )


def main() -> None:
    _, substrate, megabytes, snaplen, *_ = [*sys.argv, *("netns", "100", str(SNAPLEN))[len(sys.argv) - 1 :]]
    size = int(megabytes) * 10**6
    print(f"Linux {os.uname().release}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {megabytes} MB")
    seconds = alone(size)
    print(f"hosts alone {size / seconds / 1e6:7.0f} MB/s")
    captured(substrate, size, int(snaplen))


if __name__ == "__main__":
    main()
