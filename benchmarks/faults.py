"""How long `badwire fault set` takes toward every host of a large lab, beside `tc -batch` for as many qdiscs.

    python -m benchmarks.faults [HOSTS]

200 hosts are the default. A lab on netns is brought up, and its faults are set by the engine that the kernel has: netem,
or the relay where the kernel has no sch_netem. The first setting and later ones are told apart, since the relay gets
a pair of interfaces for each port with the first. "fault set" is the whole command, "in the lab" is the part of it from
the command's request to the reply, without the start of the command's interpreter and its imports.

Beside it `tc -batch` replaces the root qdisc of as many interfaces, in one process; the first time it adds them. The
qdisc is netem if the kernel has it, else tbf: a kernel without netem has nothing nearer. Setting a tbf is no less work
for the kernel than setting a netem, while the relay also has to be connected, so there the first ratio compares more
work with less.

On the virtual clock's kernel, which has netem, nothing can be timed from inside: its time stands still while a program
computes.
"""

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from badwire.cli.fault import fault
from badwire.cli.up import start_daemon
from badwire.session.connection import ControlConnection
from badwire.session import registry

HOSTS = 200
RUNS = 7
NAME = f"bench-{os.getpid()}"
BADWIRE = [sys.executable, "-P", "-m", "badwire"]
BARE = f"bare-{os.getpid()}"
QDISCS = {
    "netem": "netem limit 10000 delay {ms}ms",
    "tbf": "tbf rate {ms}00mbit burst 100k latency 10ms",
}
