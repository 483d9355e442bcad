"""Who a container or a network belongs to, in its labels and its name: enough to tell whether that process still lives.

A container has its image's labels, too, and ``docker commit`` gives a container's labels to an image. So a label alone
does not say that we made the container that bears it; the name says so, which nothing inherits.
"""

import os
from collections.abc import Mapping
from pathlib import Path

RUN = "badwire.run"  # label: the run, a name of its own for each lab that was ever opened
OWNER = "badwire.owner"  # label: the process that opened it
FORMER = {RUN: "netlab.run", OWNER: "netlab.owner"}  # the same under the project's former name


def engine_name(run: str, part: str = "") -> str:
    """What a run's network is called on the engine, or its container for one ``part``: a host, or the wire."""
    return f"badwire-{run}-{part}" if part else f"badwire-{run}"


def is_of_its_run(name: str, labels: Mapping[str, str]) -> bool:
    """Whether a container or a network has the name that goes with its labels, so that a lab made it."""
    for label in (RUN, FORMER[RUN]):
        if label in labels:
            network = f"{label.partition('.')[0]}-{labels[label]}"
            if name == network or name.startswith(f"{network}-"):
                return True
    return False


def owner(pid: int | None = None) -> str:
    """The identity of a process (default: this one): machine, boot, PID namespace, pid, start time.

    Raises ProcessLookupError when there is no such process.
    """
    pid = os.getpid() if pid is None else pid
    return f"{_here()}/{pid}/{_started(pid)}"


def is_dead(identity: str) -> bool:
    """True only if the process is certainly gone.

    One of another machine, or of a PID namespace that is not ours, cannot be looked up from here: False.
    """
    try:
        machine, boot, namespace, pid, started = identity.split("/")
        our_machine, our_boot, our_namespace = _here().split("/")
        if machine != our_machine or machine == "-":
            return False
        if boot != our_boot:
            return True
        return namespace == our_namespace and _started(int(pid)) != started
    except ProcessLookupError:
        return True
    except ValueError:
        return False  # not written by us


def _here() -> str:
    namespace = os.stat("/proc/self/ns/pid").st_ino
    return f"{_read('/etc/machine-id')}/{_read('/proc/sys/kernel/random/boot_id')}/{namespace}"


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip() or "-"
    except OSError:
        return "-"


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot: with the pid it names one process for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        raise ProcessLookupError(f"there is no process {pid}") from None
    state, *fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    if state in "ZX":
        raise ProcessLookupError(f"process {pid} has ended")
    return fields[18]
