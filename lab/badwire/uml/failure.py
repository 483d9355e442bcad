"""Explains why a kernel ended before its job did, from the text on its console.

For a kernel that ran into its time limit, it finds out whether its programs computed, waited, or did not run.
"""

import contextlib
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import ClockStopped, KernelError, LabError, MachineError, RunError

LAST_LINES = 4  # the number of lines of the console in the error; all of it is in the run's folder
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
_OUT_OF_MEMORY = re.compile(r"[Oo]ut of memory|memory allocation failed")
_KILLED = re.compile(r"Out of memory: Killed process \d+ \((.*?)\)")
_NO_PTRACE = re.compile(r"ptrace.*(Operation not permitted|errno = 1\b)|check_sysemu", re.IGNORECASE)
_HALTED = re.compile(r"^reboot: (System halted|Power down|Restarting system)", re.MULTILINE)
# Lines that a kernel without a disk writes in every run, and lines about halting.
_NOISE = re.compile(r"Failed to initialize ubd device 0 :Couldn't determine size|reboot: |Failed to exec kernel")


@dataclass(frozen=True)
class KernelExit:
    """How a kernel ended that left no answer of its job.

    Attributes:
        console: the text that it wrote on its console.
        console_file: the file with the same text.
        began: whether the job had started.
        status: the exit status of the kernel's process; negative after a signal.
        memory: the kernel's memory, in MB.
        limit: the time limit that ended it, in seconds of real time; None if another cause did.
        activity: what the kernel did when the limit ended it, as ``activity()`` returns it.
        spins: whether it was ended since a program stops its clock; see ``SpinWatch``.
    """

    console: str
    console_file: Path
    began: bool
    status: int
    memory: int
    limit: float | None = None
    activity: str = ""
    spins: bool = False

    def error(self) -> LabError:
        """The error to raise, whose text is one sentence."""
        saved = f"the complete console is in {self.console_file}"
        output = last_lines(self._before_trace())
        if self.spins:
            return ClockStopped(
                f"a program computed for {SPINNING:g} s of processor time without ever sleeping, which stops the"
                " virtual clock; let it wait for something, or use --clock real."
            )
        if self.limit is not None and not _OUT_OF_MEMORY.search(self.console):
            return RunError(
                f"the virtual clock's kernel was ended after {self.limit:g} s of real time: {self.activity}; if it was"
                f" only slow, give it more with --limit (last lines: {output}; {saved})."
            )
        if _OUT_OF_MEMORY.search(self.console):
            return RunError(
                f"the virtual clock's kernel ran out of its {self.memory} MB; give it more with --memory"
                f" (its last lines: {output}; {saved})."
            )
        if self.began:
            cause = self._cause()
            return RunError(
                f"the virtual clock's kernel {cause}; run again, or use --clock real"
                f" (its last lines: {output}; {saved})."
            )
        if _NO_PTRACE.search(self.console):
            return MachineError(
                f"the virtual clock's kernel cannot run here, since this machine forbids ptrace ({output}); allow it"
                " (a container needs --cap-add SYS_PTRACE or another seccomp profile), or run with --clock real."
            )
        return KernelError(
            f"the virtual clock's kernel did not boot (its last lines: {output}; {saved}); build another one"
            " (`badwire kernel build SOURCE`), or use --clock real."
        )

    def _before_trace(self) -> str:
        """The console without the call trace after a panic, which only people who know the kernel's source can use."""
        panic = _PANIC.search(self.console)
        if panic is None:
            return self.console
        return self.console[: panic.end()]

    def _cause(self) -> str:
        panic = _PANIC.search(self.console)
        if panic:
            return f"panicked: {panic[1]}"
        if self.status < 0:
            name = signal.Signals(-self.status).name
            return f"was ended from outside by {name} before its job was done"
        if _HALTED.search(self.console):
            return "was halted by its job before the job was done"
        return f"ended with status {self.status} before its job was done"


def last_lines(console: str) -> str:
    """The last LAST_LINES lines of a console, joined into one, without the lines that every run has."""
    lines = []
    for line in console.splitlines():
        text = line.strip()
        if text and not _NOISE.search(line):
            lines.append(text)
    if not lines:
        return "nothing"
    return " | ".join(lines[-LAST_LINES:])


def short_of_memory(console: str, memory: int) -> str | None:
    """A sentence about the programs that the kernel killed for lack of its ``memory`` (MB); None if it killed none."""
    killed = _KILLED.findall(console)
    if not killed:
        return None
    names = ", ".join(dict.fromkeys(killed))
    return f"the virtual clock's kernel ran out of its {memory} MB and killed {names}; give it more with --memory."


SPINNING = 10.0  # s of processor time of one program and of its system calls, while no other program runs
_NOTHING = 1_000_000  # ns; a process that waits is charged less
WATCHED = 0.5  # s of real time; a program that computes gets a processor within it, even beside 20 other programs


def activity(kernel: int) -> str:
    """What the kernel with this pid does, as a clause of a sentence. Observes it for WATCHED seconds."""
    kernel_before = _processor_time(kernel)
    programs_before = _programs(kernel)
    time.sleep(WATCHED)
    if _is_stopped(kernel):
        return "it was stopped from outside"
    new_programs = _programs(kernel).keys() - programs_before.keys()
    if new_programs or _any_has_computed(programs_before):
        return "a program that computes without ever sleeping stops its clock"
    if _processor_time(kernel) != kernel_before:
        return "all its programs wait for something that never happens"
    return "this machine gave it no processor"


class SpinWatch:
    """Watches a kernel for a program that computes and never sleeps.

    While it computes, the virtual clock stands still, so the lab's agents, which sample every host again and again, do
    not run. The measure is processor time, which does not depend on how busy this machine is.

    Args:
        kernel: the pid of the kernel's process.
    """

    def __init__(self, kernel: int) -> None:
        self._kernel = kernel
        self._before: dict[int, int] = {}
        self._kernel_before = 0

    def spins(self) -> bool:
        """Whether one program has computed for SPINNING seconds while no other did."""
        now = _programs(self._kernel)
        gained = {pid: time_now - self._before.get(pid, 0) for pid, time_now in now.items()}
        computed = [pid for pid, gain in gained.items() if gain > _NOTHING]
        if len(computed) != 1 or self._before.keys() != now.keys():
            self._before = now
            self._kernel_before = _processor_time(self._kernel)
            return False
        by_kernel = _processor_time(self._kernel) - self._kernel_before  # what the program's system calls take
        return gained[computed[0]] + by_kernel >= SPINNING * 1e9


def _any_has_computed(before: Mapping[int, int]) -> bool:
    """Whether any of these processes has used a processor since ``before``, their processor times in ns."""
    now = {pid: _processor_time(pid) for pid in before}
    return now != before


def _processor_time(pid: int) -> int:
    """The processor time of a process, in ns; 0 when it has ended."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/schedstat").read_text()
        processor_time, *_ = text.split()
        return int(processor_time)
    return 0


def _programs(kernel: int) -> dict[int, int]:
    """The processes of this machine that run the kernel's programs, each with its processor time in ns."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{kernel}/task/{kernel}/children").read_text()
        pids = [int(pid) for pid in children.split()]
        return {pid: _processor_time(pid) for pid in pids}
    return {}


def _is_stopped(pid: int) -> bool:
    """Whether a signal has stopped the process (proc(5), state T)."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/stat").read_text()
        _, _, after_name = status.rpartition(")")
        state, *_ = after_name.split()
        return state == "T"
    return False
