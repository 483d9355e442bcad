"""Explains why a kernel ended before its job did, from the text on its console.

For a kernel that ran into its time limit, it finds out whether its programs computed, waited, or did not run.
"""

import contextlib
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import KernelError, LabError, MachineError, RunError

LAST_LINES = 4  # the number of lines of the console in the error; all of it is in the run's folder
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
_OUT_OF_MEMORY = re.compile(r"[Oo]ut of memory|memory allocation failed")
_KILLED = re.compile(r"Out of memory: Killed process \d+ \((.*?)\)")
_NO_PTRACE = re.compile(r"ptrace|check_sysemu", re.IGNORECASE)
_HALTED = re.compile(r"^reboot: (System halted|Power down|Restarting system)", re.MULTILINE)
# Lines that a kernel without a disk writes in every run, and lines about halting.
_NOISE = re.compile(r"Failed to initialize ubd device 0 :Couldn't determine size|reboot: |Failed to exec kernel")


@dataclass(frozen=True)
class End:
    """How a kernel ended that left no answer of its job.

    Attributes:
        console: the text that it wrote on its console.
        kept: the file with the same text.
        began: whether the job had started.
        status: the exit status of the kernel's process; negative after a signal.
        memory: the kernel's memory, in MB.
        limit: the time limit that ended it, in seconds of real time; None if another cause did.
        doing: what the kernel did when the limit ended it, as ``doing()`` returns it.
    """

    console: str
    kept: Path
    began: bool
    status: int
    memory: int
    limit: float | None = None
    doing: str = ""

    def error(self) -> LabError:
        """The error to raise, whose text is one sentence."""
        kept = f"the whole console is in {self.kept}"
        panic = _PANIC.search(self.console)
        # A panic is followed by a call trace, which only people who know the kernel's source can use.
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
    """The last LAST_LINES lines of a console, joined into one, without the lines that every run has."""
    lines = [line.strip() for line in console.splitlines() if line.strip() and not _NOISE.search(line)]
    return " | ".join(lines[-LAST_LINES:]) or "nothing"


def short_of_memory(console: str, memory: int) -> str | None:
    """A sentence on the programs that the kernel killed because its ``memory`` (MB) was used up; None without any."""
    killed = list(dict.fromkeys(_KILLED.findall(console)))
    if not killed:
        return None
    return (
        f"the virtual clock's kernel ran out of its {memory} MB and killed {', '.join(killed)}; give it more with"
        " --memory."
    )


WATCHED = 0.5  # s of real time; a program that computes gets a processor within it, even beside 20 other programs


def doing(kernel: int) -> str:
    """What the kernel with this pid does, as a clause of a sentence. Observes it for WATCHED seconds."""
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
    """The processor time of a process, in ns; 0 when it has ended."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return 0


def _programs(kernel: int) -> dict[int, int]:
    """The processes of this machine that run the kernel's programs, each with its processor time in ns."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{kernel}/task/{kernel}/children").read_text().split()
        return {pid: _used(pid) for pid in map(int, children)}
    return {}


def _stopped(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False
