"""How much time passes on the virtual clock, and how much on the wall, for each scenario.

    python -m benchmarks.virtual [SCENARIO...]

Protocol seconds are the hosts' own, from the first record of the evidence to the last; real seconds are those from the
command to its end, the interpreter's start, the kernel's boot and the verdicts included. Beside them, from the same
run, is the time of an empty job in such a kernel: no run can be faster.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from badwire.scenario import scenario_file

RUNS = 3
LAB = [sys.executable, "-m", "badwire"]


def timed(argv: list[str]) -> tuple[float, str]:
    """Seconds that a command takes, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - began, done.stdout


def main(names: list[str]) -> None:
    empty = statistics.median(timed([*LAB, "kernel", "run", "--", "true"])[0] for _ in range(RUNS))
    print(f"{'':14}{'protocol s':>12}{'real s':>9}{'ratio':>9}{'real s / empty boot':>22}")
    print(f"{'(empty boot)':14}{'':>12}{empty:9.2f}{'':>9}{1.0:22.1f}")
    with tempfile.TemporaryDirectory(prefix="badwire-bench-") as out:
        for name in names or scenario_file.names():
            command = [*LAB, "run", name, "--clock", "virtual", "--quiet", "--out", out]
            runs = [timed(command) for _ in range(RUNS)]
            real = statistics.median(seconds for seconds, _ in runs)
            folder = Path(runs[0][1].splitlines()[-1])
            protocol = json.loads((folder / "result.json").read_text())["environment"]["took"]
            print(f"{name:14}{protocol:12.2f}{real:9.2f}{protocol / real:9.1f}{real / empty:22.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
