"""How the evidence grows with the number of sockets, and the cost of reading it.

    python -m benchmarks.evidence [real|virtual]

Connections are made one after another; each leaves a socket in TIME_WAIT for a minute, on either clock (the default is
the virtual one). Each changes the table of sockets a few times, however many others there are. So with 800 of them the
bytes of evidence for one socket are the same as with 200, and so are the time and the memory that reading it takes. The
processor time of the run for one socket grows, since the kernel describes the whole table for each sample.
"""

import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from badwire.evidence import Evidence

COUNTS = (200, 800)
KIB = 1024
TITLES = (
    "sockets",
    "bytes",
    "a socket",
    "run CPU s",
    "a socket ms",
    "read s",
    "a socket ms",
    "peak MiB",
    "a socket KiB",
)
SCENARIO = '''"""Sockets in TIME_WAIT."""
from badwire.claims import RFC, claim, equals
from badwire.scenario import scenario

COUNT = {count}

@scenario("{count} sockets wait")
def run(lab):
    server, client = lab.host("server"), lab.host("client")
    listener = server.listen(7000)
    for _ in range(COUNT):
        connection = client.connect(server.at(7000))
        accepted = listener.accept()
        connection.close()
        accepted.close()
    client.wait_until(state="TIME_WAIT", count=1)
    client.wait_while(state="TIME_WAIT", timeout=120)

@claim("All of them wait", RFC("9293", "3.6.1"))
def all_wait(run):
    yield equals("sockets in TIME_WAIT", len(run.host("client").timelines("TIME_WAIT")), COUNT, "sockets")
'''


def processor_seconds() -> float:
    """What the commands have used so far that have ended, with their own children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(arguments: list[str]) -> None:
    clock = arguments[0] if arguments else "virtual"
    titles = "".join(f"{title:>14}" for title in TITLES)
    print(titles)
    with tempfile.TemporaryDirectory(prefix="badwire-bench-") as temporary:
        for count in COUNTS:
            file = Path(temporary, f"wait{count}.py")
            file.write_text(SCENARIO.format(count=count))
            before = processor_seconds()
            command = [sys.executable, "-m", "badwire", "run", str(file), "--clock", clock, "--substrate", "netns"]
            done = subprocess.run(
                [*command, "--quiet", "--out", temporary], stdout=subprocess.PIPE, text=True, check=True
            )
            used = processor_seconds() - before
            folder = Path(done.stdout.splitlines()[-1])
            size = (folder / "evidence.jsonl").stat().st_size
            tracemalloc.start()
            began = time.process_time()
            tables = Evidence.load(folder).host("client").tables
            assert tables.most("TIME_WAIT") == len(tables.timelines("TIME_WAIT")) == count
            read = time.process_time() - began
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            columns = (
                f"{size:14}{size / count:14.0f}"
                f"{used:14.1f}{used / count * 1000:14.1f}"
                f"{read:14.2f}{read / count * 1000:14.1f}"
                f"{peak / KIB / KIB:14.1f}{peak / KIB / count:14.1f}"
            )
            print(f"{count:14}{columns}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
