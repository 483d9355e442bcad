"""How long `badwire fault set` takes toward every host of a large lab, beside `tc -batch` for as many qdiscs.

    python -m benchmarks.faults [HOSTS]

200 hosts are the default. A lab on netns is brought up, and its faults are set by the engine that the kernel has:
netem, or the relay where the kernel has no sch_netem. "In the lab" is the time from the command's request to its reply;
"the whole command" has the start of its interpreter and its imports, too.

Beside it `tc -batch` adds a root qdisc to as many interfaces, and then changes it. The qdisc is netem if the kernel has
it, else tbf, since such a kernel has nothing nearer. The relay's first faults are not what tc does: each port first
gets a pair of interfaces, a filter and two sockets. So beside them, `ip -batch` and `tc -batch` make as many pairs and
filters, too.

On the virtual clock's kernel, which has netem, nothing can be timed from inside: its time stands still while a program
computes.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from badwire.cli.up import start_daemon
from badwire.faults import Delay
from badwire.session import registry
from badwire.units import ms

HOSTS = 200
RUNS = 7
NAME = f"bench-{os.getpid()}"
BARE = f"bare-{os.getpid()}"
BADWIRE = [sys.executable, "-P", "-m", "badwire"]


def run(argv: list[str], text: str = "") -> float:
    """Seconds that a command takes with this input."""
    began = time.perf_counter()
    subprocess.run(argv, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextmanager
def lab(hosts: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as out:
        request = {
            "name": NAME,
            "substrate": "netns",
            "engine": "auto",
            "seed": 1,
            "out": out,
            "hosts": {"client": hosts - 1},
            "sysctls": {},
            "mounts": [],
        }
        start_daemon(request, lambda text: None)
        try:
            yield
        finally:
            run([*BADWIRE, "down", "--name", NAME])


def in_the_lab(milliseconds: int) -> tuple[float, str]:
    """Seconds from the request for a delay toward each host to the reply, and the engine that carries it out."""
    faults = [Delay(milliseconds * ms).to_json()]
    connection, _ = registry.connect(NAME)
    began = time.perf_counter()
    connection.send(do="fault", what="set", toward=[], groups=[{"toward": [], "faults": faults}])
    reply = connection.receive_reply()["ok"]
    took = time.perf_counter() - began
    connection.close()
    (engine,) = {toward["engine"] for toward in reply["in_force"].values()}
    return took, engine


class Bare:
    """As many interfaces as the lab has hosts, in a network namespace, each a pair that is up."""

    def __init__(self, hosts: int) -> None:
        self.hosts = hosts
        run(["ip", "netns", "add", BARE])
        self.pairs("p", "q")

    def pairs(self, one: str, other: str) -> float:
        lines = []
        for number in range(self.hosts):
            lines.append(f"link add {one}{number} type veth peer name {other}{number}")
            lines.append(f"link set {one}{number} up")
            lines.append(f"link set {other}{number} up")
        return run(["ip", "-n", BARE, "-batch", "-"], "\n".join(lines))

    def filters(self) -> float:
        lines = []
        for number in range(self.hosts):
            lines.append(f"qdisc add dev p{number} clsact")
            redirect = f"action mirred egress redirect dev r{number}"
            lines.append(f"filter add dev p{number} egress protocol all prio 1 u32 match u32 0 0 {redirect}")
        return run(["tc", "-n", BARE, "-batch", "-"], "\n".join(lines))

    def qdiscs(self, engine: str, milliseconds: int) -> float:
        qdisc = f"netem limit 10000 delay {milliseconds}ms"
        if engine == "relay":
            qdisc = f"tbf rate {milliseconds}mbit burst 100k latency 10ms"
        lines = [f"qdisc replace dev p{number} root handle 1: {qdisc}" for number in range(self.hosts)]
        return run(["tc", "-n", BARE, "-batch", "-"], "\n".join(lines))

    def close(self) -> None:
        run(["ip", "netns", "del", BARE])


def main(hosts: int) -> None:
    firsts: list[tuple[float, float]] = []
    later: list[tuple[float, float, float]] = []
    engine = ""
    for _ in range(RUNS):
        bare = Bare(hosts)
        try:
            with lab(hosts):
                first, engine = in_the_lab(1)
                bare_first = bare.qdiscs(engine, 1)
                if engine == "relay":
                    bare_first += bare.pairs("r", "s") + bare.filters()
                firsts.append((first, bare_first))
                command = run([*BADWIRE, "fault", "set", "--name", NAME, "delay=2ms"])
                bare.qdiscs(engine, 2)
                took, _ = in_the_lab(3)
                later.append((took, command, bare.qdiscs(engine, 3)))
        finally:
            bare.close()
    what = "netem" if engine == "netem" else "tbf, since this kernel has no netem"
    print(f"faults  by the {engine}, toward {hosts} hosts; tc -batch with {what}")
    tell("first, in the lab", firsts)
    tell("later, in the lab", [(took, bare_took) for took, _, bare_took in later])
    tell("later, the whole command", [(command, bare_took) for _, command, bare_took in later])


def tell(what: str, rows: list[tuple[float, float]]) -> None:
    ratio = statistics.median(ours / bare for ours, bare in rows)
    ours, bare = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"        {what} {ours:.3f} s; bare {bare:.3f} s; ratio {ratio:.1f} (goal 5)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else HOSTS)
