"""How long a lab takes to come up and go down, and what it costs in memory, beside the bare parts it is made of.

    python -m benchmarks.up_and_down [netns] [docker] [fixture] [many]

netns: from the moment the init process has its modules (its interpreter's start and imports are listed separately) to
the last process gone; beside it the same two hosts and bridge made and removed by iproute2 alone. docker: from the
first request to the last reply; beside it two bare `docker run` and `docker rm` of the same image. fixture: the set-up
and tear-down of the fixture `lab` with two hosts, the run's result and page included; beside it the same by iproute2
alone. many: 500 hosts, up and down, and 50, per host.

All alternatives of a line are measured in turn, in one run, since these times mean little across machines; a ratio is
the median of those of the single turns. The goals are ratios. Memory is the sum of the proportional set sizes (PSS,
/proc/PID/smaps_rollup) of the lab's own processes; the processes of an engine that serves them are not counted.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from badwire.errors import LabError
from badwire.substrate.substrate import AgentStreams, Substrate, SysctlsByHost
from badwire.testbed import open_lab
from badwire.topology.topology import Topology

RUNS = 7
RUNS_OF_MANY = 3
FIXTURE_TESTS = 10
FIXTURE_TEST = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_it(lab, number):
    pass
"""
FIXTURE_CONFTEST = """
def pytest_runtest_logreport(report):
    if report.when != "call":
        with open("took", "a") as file:
            print(report.nodeid, report.duration, file=file)
"""
IPROUTE2 = """
ip netns add bare-a; ip netns add bare-b; ip netns add bare-w
ip -n bare-w link add br0 type bridge; ip -n bare-w link set br0 up
for h in a b; do
  ip -n bare-w link add p$h type veth peer name eth0 netns bare-$h; ip -n bare-w link set p$h master br0 up
  ip -n bare-$h link set eth0 up
done
ip -n bare-a addr add 10.0.0.2/24 dev eth0; ip -n bare-b addr add 10.0.0.3/24 dev eth0
ip netns del bare-a; ip netns del bare-b; ip netns del bare-w
"""


class Timed:
    """A substrate that notes when its `up` really began: after the imports of the init process."""

    def __init__(self, substrate: Substrate) -> None:
        self.substrate, self.name, self.began = substrate, substrate.name, 0.0

    def check(self) -> str | None:
        return self.substrate.check()

    def explained(self, topology: Topology, error: LabError) -> LabError:
        return self.substrate.explained(topology, error)

    def up(self, topology: Topology, sysctls: SysctlsByHost, mounts: Sequence[Path], undo: ExitStack) -> AgentStreams:
        if self.name == "netns":
            from badwire.substrate import netns

            wait = netns.Namespaces.wait_until_ready

            def wait_and_note(namespaces: netns.Namespaces) -> None:
                wait(namespaces)
                self.began = time.perf_counter()

            netns.Namespaces.wait_until_ready = wait_and_note  # type: ignore[method-assign, assignment]
            try:
                return self.substrate.up(topology, sysctls, mounts, undo)
            finally:
                netns.Namespaces.wait_until_ready = wait  # type: ignore[method-assign]
        self.began = time.perf_counter()
        return self.substrate.up(topology, sysctls, mounts, undo)


def lab_of(hosts: int, substrate: Substrate, inside: Callable[[], None] = lambda: None) -> tuple[float, float, float]:
    """Seconds from call to up, the part of it after the interpreter's start, and seconds from there to down."""
    timed = Timed(substrate)
    topology = Topology.of(*(f"h{number}" for number in range(hosts)))
    with tempfile.TemporaryDirectory() as folder:
        called = time.perf_counter()
        with open_lab(topology, timed, folder=Path(folder)):
            up = time.perf_counter()
            inside()
            closing = time.perf_counter()
        down = time.perf_counter()
    return up - called, up - timed.began, down - closing


def pss(pids: list[int]) -> float:
    """Megabytes."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup")
        total += sum(int(line.split()[1]) for line in rollup.read_text().splitlines() if line.startswith("Pss:"))
    return total / 1024


def family(pid: int) -> list[int]:
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(one for child in children for one in family(child))]


def memory(hosts: int, substrate: Substrate) -> float:
    found: list[float] = []
    lab_of(hosts, substrate, lambda: found.append(pss(family(os.getpid()))))
    return found[0]


def shell(script: str) -> float:
    began = time.perf_counter()
    subprocess.run(["sh", "-ec", script], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def median_ratio(ours: list[float], bare: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, bare, strict=True))


def tell_memory(two: float, further: float) -> None:
    print(f"        memory: {two:.0f} MB with two hosts and the lab's own process (goal 120)")
    print(f"        {further:.1f} MB for each further host (goal 15)")


def bench_netns() -> None:
    from badwire.substrate.netns import Netns

    rows = [(shell(IPROUTE2) if os.geteuid() == 0 else float("nan"), *lab_of(2, Netns())) for _ in range(RUNS)]
    ratio = median_ratio([up + down for _, _, up, down in rows], [bare for bare, *_ in rows])
    bare, whole, up, down = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"netns   two hosts up {up:.3f} s and down {down:.3f} s: {up + down:.3f} s (goal 0.2)")
    print(f"        with the init process's interpreter and imports {whole + down:.3f} s")
    print(f"        bare iproute2 {bare:.3f} s; ratio {ratio:.1f} (goal 2.5)")
    whole, up, down = lab_of(50, Netns())
    print(f"        50 hosts up in {up:.2f} s, {whole:.2f} s with the interpreter (goal 5), down in {down:.2f} s")
    two, twelve = memory(2, Netns()), memory(12, Netns())
    tell_memory(two, (twelve - two) / 10)


def bench_docker() -> None:
    from badwire.substrate.docker.substrate import Docker

    substrate = Docker()
    lab_of(2, substrate)  # the image is built before anything is timed
    image = subprocess.run(["docker", "images", "-q"], capture_output=True, text=True, check=True).stdout.split()[0]
    one = f"docker run -d --name bare-$i {image} python3 -c 'import time; time.sleep(60)'"
    bare_script = f"for i in a b; do {one}; done; for i in a b; do docker rm -f bare-$i; done"
    rows = [(shell(bare_script), *lab_of(2, substrate)) for _ in range(RUNS)]
    ratio = median_ratio([up + down for _, _, up, down in rows], [bare for bare, *_ in rows])
    bare, _, up, down = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"docker  two hosts up {up:.2f} s and down {down:.2f} s: {up + down:.2f} s (goal 1.5)")
    print(f"        two bare docker run and docker rm {bare:.2f} s; ratio {ratio:.2f} (goal 1.3)")
    two, six = (docker_memory(hosts, substrate) for hosts in (2, 6))
    tell_memory(two, (six - two) / 4)


def fixture_took() -> float:
    """Seconds of one set-up and tear-down of the fixture: the median of a session's tests without the first."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(FIXTURE_TEST.format(tests=FIXTURE_TESTS))
        Path(folder, "conftest.py").write_text(FIXTURE_CONFTEST)
        argv = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--lab-substrate", "netns"]
        subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        took: dict[str, float] = {}
        for line in Path(folder, "took").read_text().splitlines():
            test, seconds = line.split()
            took[test] = took.get(test, 0) + float(seconds)
    _, *others = took.values()  # the first one starts what the session's labs share, and checks the machine
    return statistics.median(others)


def bench_fixture() -> None:
    rows = [(fixture_took(), statistics.median(shell(IPROUTE2) for _ in range(FIXTURE_TESTS))) for _ in range(RUNS)]
    ratio = median_ratio([ours for ours, _ in rows], [bare for _, bare in rows])
    ours, bare = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"fixture set-up and tear-down {ours:.3f} s, with the run's result and page")
    print(f"        bare iproute2 {bare:.3f} s; ratio {ratio:.1f} (goal 3)")


def bench_many() -> None:
    from badwire.substrate.netns import Netns

    per_host: dict[int, list[float]] = {50: [], 500: []}
    for _ in range(RUNS_OF_MANY):
        for hosts, seconds in per_host.items():
            _, up, down = lab_of(hosts, Netns())
            seconds.append((up + down) / hosts)
    ratio = median_ratio(per_host[500], per_host[50])
    few, many = (statistics.median(seconds) for seconds in per_host.values())
    print(f"many    {few * 1e3:.1f} ms a host up and down with 50 hosts, {many * 1e3:.1f} ms with 500")
    print(f"        ratio {ratio:.2f} (goal 1.3)")


def docker_memory(hosts: int, substrate: Substrate) -> float:
    found: list[float] = []
    before = agents()
    lab_of(hosts, substrate, lambda: found.append(pss([*family(os.getpid()), *(agents() - before)])))
    return found[0]


def agents() -> set[int]:
    """The agents' processes in containers, seen from here."""
    return {
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and b"badwire.agent" in _cmdline(folder)
    }


def _cmdline(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    which = sys.argv[1:] or ["netns", "docker", "fixture", "many"]
    for name in which:
        {"netns": bench_netns, "docker": bench_docker, "fixture": bench_fixture, "many": bench_many}[name]()
