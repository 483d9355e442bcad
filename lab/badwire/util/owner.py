"""Labels and names of containers and networks: which run each belongs to, and whether that run's process is alive.

A container inherits its image's labels, and ``docker commit`` copies a container's labels to an image. So a label alone
does not prove that a lab made a container. A name is not inherited, and therefore the name must match the labels.
"""

import os
from collections.abc import Mapping
from pathlib import Path

RUN = "badwire.run"  # label: the run's identifier, random for each lab
OWNER = "badwire.owner"  # label: the process that opened the lab, as `owner` returns it
# The same labels under the project's former name.
FORMER = {
    RUN: "netlab.run",
    OWNER: "netlab.owner",
}


# Fields of /proc/PID/stat (proc(5)), counted from the first one after the command's name.
_STATE = 0
_START_TIME = 19


def engine_name(run: str, part: str = "") -> str:
    """The name on the engine of a run's network or, with ``part``, of its container for that host or for the wire."""
    name = f"badwire-{run}"
    if part:
        name += f"-{part}"
    return name


def is_of_its_run(name: str, labels: Mapping[str, str]) -> bool:
    """Whether the name of a container or network matches its labels, which means that a lab made it."""
    for label in (RUN, FORMER[RUN]):
        if label not in labels:
            continue
        project, _, _ = label.partition(".")
        network = f"{project}-{labels[label]}"
        if name == network or name.startswith(f"{network}-"):
            return True
    return False


def owner(pid: int | None = None) -> str:
    """The identity of a process (default: this one): machine, boot, PID namespace, pid and start time.

    Raises:
        ProcessLookupError: there is no such process, or it is a zombie.
    """
    if pid is None:
        pid = os.getpid()
    return f"{_here()}/{pid}/{_started(pid)}"


def is_dead(identity: str) -> bool:
    """Whether the process has certainly ended; ``identity`` is what ``owner`` returned.

    False for a process of another machine or PID namespace, which cannot be looked up from here, and for text that
    is not an identity.
    """
    try:
        machine, boot, namespace, pid, started = identity.split("/")
        our_machine, our_boot, our_namespace = _here().split("/")
        if machine != our_machine or machine == "-":
            return False
        if boot != our_boot:
            return True
        if namespace != our_namespace:
            return False
        return _started(int(pid)) != started
    except ProcessLookupError:
        return True
    except ValueError:
        return False  # `owner` did not write this


def in_own_kernel() -> bool:
    """Whether this process runs in a User-Mode Linux kernel, as ``badwire kernel run`` starts it.

    Most of the machine's files are visible there, and none of its processes and locks.
    """
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            return "User Mode Linux" in file.read(200)  # the second line, vendor_id (arch/um/kernel/um_arch.c)
    except OSError:
        return False


def _here() -> str:
    machine = _read("/etc/machine-id")
    if in_own_kernel():
        machine += "-uml"  # a boot of its own on the machine's files: the machine's processes are not dead
    boot = _read("/proc/sys/kernel/random/boot_id")
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return f"{machine}/{boot}/{namespace}"


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip() or "-"
    except OSError:
        return "-"


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot; the pid and this time together identify a process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        raise ProcessLookupError(f"there is no process {pid}") from None
    _, _, after_name = stat.rpartition(")")  # the command's name, in parentheses, may contain anything
    fields = after_name.split()
    if fields[_STATE] in ("Z", "X"):
        raise ProcessLookupError(f"process {pid} has ended")
    return fields[_START_TIME]
