"""What a kernel does whose time is up: its programs compute, or all of them wait, or it does not run at all."""

import contextlib
import time
from pathlib import Path

WATCHED = 0.5  # s of real time; a program that computes is given a processor within it, on a machine with 20 others


def doing(kernel: int) -> str:
    """In words, of the process with that number: watched for ``WATCHED`` seconds."""
    itself, programs = _used(kernel), _programs(kernel)
    time.sleep(WATCHED)
    if _stopped(kernel):
        return "it was stopped from outside"
    if any(_used(pid) != before for pid, before in programs.items()) or _programs(kernel).keys() - programs.keys():
        return "a program that computes without ever sleeping stops its clock"
    if _used(kernel) != itself:
        return "all its programs wait for what never comes"
    return "this machine gave it no processor"


def _used(pid: int) -> int:
    """Processor time in nanoseconds; 0 when the process has ended."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return 0


def _programs(kernel: int) -> dict[int, int]:
    """The processes of this machine that carry the kernel's programs, and what each has used."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{kernel}/task/{kernel}/children").read_text().split()
        return {pid: _used(pid) for pid in map(int, children)}
    return {}


def _stopped(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False
