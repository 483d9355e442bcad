"""Why the kernel ended before its job did, from what it wrote on its console."""

import re
from pathlib import Path

from lab.errors import LabError, MachineError, RunError

LAST_LINES = 4  # of the console, in the error's sentence; all of it is in the run's folder
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
_OUT_OF_MEMORY = re.compile(r"Out of memory|oom-kill")
_NO_PTRACE = re.compile(r"ptrace|check_sysemu", re.IGNORECASE)
_BOOTED = "Run "  # "Run /path/of/init as init process"


def why_it_ended(console: Path, limit: float | None, status: int, memory: int) -> LabError:
    """The error, one sentence. ``limit`` is what was over, if that ended it, in seconds of real time; memory in MB."""
    text = console.read_text(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = f"the whole console is in {console}"
    last = " | ".join(lines[-LAST_LINES:]) or "nothing"
    if limit is not None:
        return RunError(
            f"the virtual clock's kernel was ended after {limit:g} s of real time: a program that spins without ever"
            f" sleeping stops its clock; if it was only slow, give it more with --limit (last lines: {last}; {kept})."
        )
    if not any(line.startswith(_BOOTED) for line in lines):
        if _NO_PTRACE.search(text):
            return MachineError(
                f"the virtual clock's kernel cannot run here, since this machine forbids ptrace ({last}); allow it"
                " (a container wants --cap-add SYS_PTRACE or another seccomp profile), or run with --clock real."
            )
        return MachineError(f"the virtual clock's kernel did not come up (its last lines: {last}; {kept}).")
    if _OUT_OF_MEMORY.search(text):
        return RunError(f"the virtual clock's kernel ran out of its {memory} MB; give it more with --memory ({kept}).")
    panic = _PANIC.search(text)
    how = f"panicked: {panic[1]}" if panic else f"ended with status {status} before its job did"
    return RunError(f"the virtual clock's kernel {how} (its last lines: {last}; {kept}).")
