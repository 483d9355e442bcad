"""Why the kernel ended before its job did, from what it wrote on its console.

What a kernel does whose time is up: its programs compute, or all of them wait, or it does not run at all.
"""

import contextlib
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import KernelError, LabError, MachineError, RunError

LAST_LINES = 4  # of the console, in the error's sentence; all of it is in the run's folder
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
_OUT_OF_MEMORY = re.compile(r"[Oo]ut of memory|memory allocation failed")
_KILLED = re.compile(r"Out of memory: Killed process \d+ \((.*?)\)")
_NO_PTRACE = re.compile(r"ptrace|check_sysemu", re.IGNORECASE)
_HALTED = re.compile(r"^reboot: (System halted|Power down|Restarting system)", re.MULTILINE)
# What a kernel without a disk says in every run, and what halting says.
_NOISE = re.compile(r"Failed to initialize ubd device 0 :Couldn't determine size|reboot: |Failed to exec kernel")


@dataclass(frozen=True)
class End:
    """How a kernel ended that did not answer; ``console`` is all that it wrote there, ``kept`` the file that has it.

    ``limit`` is what was over, if that ended it, in seconds of real time, and ``doing`` what it did then; ``memory`` in
    MB; ``status`` is negative after a signal.
    """

    console: str
    kept: Path
    began: bool
    status: int
    memory: int
    limit: float | None = None
    doing: str = ""

    def error(self) -> LabError:
        """The error, one sentence."""
        kept = f"the whole console is in {self.kept}"
        panic = _PANIC.search(self.console)
        # What follows a panic is a trace of calls, of use to those who know the kernel's source.
        last = last_lines(self.console[: panic.end()] if panic else self.console)
        if self.limit is not None:
            return RunError(
                f"the virtual clock's kernel was ended after {self.limit:g} s of real time: {self.doing}; if it was"
                f" only slow, give it more with --limit (last lines: {last}; {kept})."
            )
        if _OUT_OF_MEMORY.search(self.console):
            return RunError(
                f"the virtual clock's kernel ran out of its {self.memory} MB; give it more with --memory"
                f" (its last lines: {last}; {kept})."
            )
        if not self.began:
            if _NO_PTRACE.search(self.console):
                return MachineError(
                    f"the virtual clock's kernel cannot run here, since this machine forbids ptrace ({last}); allow it"
                    " (a container wants --cap-add SYS_PTRACE or another seccomp profile), or run with --clock real."
                )
            return KernelError(f"the virtual clock's kernel did not come up (its last lines: {last}; {kept}).")
        return RunError(f"the virtual clock's kernel {self._how(panic)} (its last lines: {last}; {kept}).")

    def _how(self, panic: "re.Match[str] | None") -> str:
        if panic:
            return f"panicked: {panic[1]}"
        if self.status < 0:
            return f"was ended from outside by {signal.Signals(-self.status).name} before its job was done"
        if _HALTED.search(self.console):
            return "was halted by its job before that was done"
        return f"ended with status {self.status} before its job was done"


def last_lines(console: str) -> str:
    """The last lines in one, without those that say nothing since they are there in every run."""
    lines = [line.strip() for line in console.splitlines() if line.strip() and not _NOISE.search(line)]
    return " | ".join(lines[-LAST_LINES:]) or "nothing"


def short_of_memory(console: str, memory: int) -> str | None:
    """What is to be said of programs that the kernel killed when its memory, in MB, was used up; None if it did not."""
    killed = list(dict.fromkeys(_KILLED.findall(console)))
    if not killed:
        return None
    return (
        f"the virtual clock's kernel ran out of its {memory} MB and killed {', '.join(killed)}; give it more with"
        " --memory."
    )


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
