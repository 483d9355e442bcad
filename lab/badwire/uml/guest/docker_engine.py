"""Starts and stops a Docker Engine inside the lab's own kernel, on the disk that `engine_disk` makes.

The engine's iptables rules, its default bridge and its proxy for published ports are switched off, since a lab does not
need them. It treats containers as any other engine does.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from badwire.errors import MachineError
from badwire.linux import libc
from badwire.uml import paths

DEVICE = "/dev/ubda"
FOLDER = Path("/run/engine")
LOG = Path("/run/out/kernel/dockerd.log")
LAST_LINES = 3  # the number of lines of the log in an error
_SHIM = "containerd-shim-runc-v2"
ADDRESS = "unix:///run/docker.sock"

COMMAND = (
    "dockerd",
    f"--host={ADDRESS}",
    f"--data-root={FOLDER}/disk/docker",
    "--exec-root=/run/docker",
    "--pidfile=/run/docker.pid",
    "--storage-driver=overlay2",
    "--exec-opt=native.cgroupdriver=cgroupfs",  # systemd does not run in this kernel
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--userland-proxy=false",
    "--log-level=warn",
)

# A thread of Go's garbage collector waits for another one in a busy loop (runtime/mgcsweep.go, bgsweep). This kernel
# has a single processor, and its clock does not advance during the loop, so the other thread is never scheduled.
# With GOMAXPROCS=1 no thread waits for another; with GOGC=off the engine collects only near its memory limit.
ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "off", "GOMEMLIMIT": "300MiB"}
# The shim sets both variables for itself, so garbage collection is switched off in it by GODEBUG. It and runc live only
# as long as their container and do not need garbage collection.
SHIM = """#!/bin/sh
GODEBUG=sbrk=1 exec {} "$@"
"""
# The programs in the engine's PATH. iptables is left out: for each container the engine would try ten times to make
# rules for its name server, for which this kernel has no tables.
PROGRAMS = ("dockerd", "containerd", "runc", "docker-init", _SHIM)


class Engine:
    """A running engine.

    Attributes:
        address: the URL of its API.
    """

    address = ADDRESS

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor

    def stop(self) -> None:
        """Stop the engine and unmount its disk, so that everything it wrote is on the disk. Raises OSError."""
        os.kill(self._supervisor, signal.SIGTERM)
        os.waitpid(self._supervisor, 0)
        libc.umount(str(FOLDER / "disk"))


def start() -> Engine:
    """Mount the disk, start the engine, and return once it answers.

    Raises:
        MachineError: the disk cannot be mounted, or the engine ended; the text has the last lines of the engine's log.
    """
    (FOLDER / "disk").mkdir(parents=True)
    try:
        libc.mount(DEVICE, str(FOLDER / "disk"), "ext4", libc.MS_NOATIME)
    except OSError as error:
        raise MachineError(
            f"the disk of the Docker Engine on the virtual clock cannot be read ({error.strerror}); remove the"
            " directory badwire/engine from your cache, and the disk is made again."
        ) from None
    libc.mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0)
    _make_path(FOLDER / "bin")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as ready:
        ready.bind(str(FOLDER / "ready"))
        supervisor = os.fork()
        if supervisor == 0:
            _supervise()
        ended = os.pidfd_open(supervisor)
        try:
            poll = select.poll()
            poll.register(ready, select.POLLIN)
            poll.register(ended, select.POLLIN)
            # sd_notify(3): the engine reports that it answers.
            while ended not in dict(poll.poll()):
                message = ready.recv(4096)
                if b"READY=1" in message.split(b"\n"):
                    return Engine(supervisor)
        finally:
            os.close(ended)
    os.waitpid(supervisor, 0)
    lines = LOG.read_text(errors="replace").splitlines()
    output = " | ".join(lines[-LAST_LINES:]) or "nothing"
    raise MachineError(
        f"the Docker Engine on the virtual clock ended as soon as it was started (its last lines: {output}); check"
        " whether dockerd runs on this machine itself, or use --substrate netns."
    )


def _make_path(folder: Path) -> None:
    """Make the directory that is the engine's PATH: links to its programs, and a script that wraps the shim."""
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name, path=paths.ENVIRONMENT["PATH"])
        if name == _SHIM:
            (folder / name).write_text(SHIM.format(found))
            (folder / name).chmod(0o755)
        elif found is not None:
            (folder / name).symlink_to(found)


def _supervise() -> None:
    """Run the process that starts dockerd, passes SIGTERM on to it, and reaps its orphaned children; never return."""
    status = 1
    try:
        libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
        _hide_settings()
        environment = {
            **ENVIRONMENT,
            "HOME": "/tmp",
            "PATH": str(FOLDER / "bin"),
            "NOTIFY_SOCKET": str(FOLDER / "ready"),
        }
        # Unbuffered: the engine writes few lines.
        with LOG.open("ab", buffering=0) as log:
            try:
                dockerd = subprocess.Popen(
                    COMMAND,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                )
            except OSError as error:
                log.write(f"{COMMAND[0]}: {error.strerror}\n".encode())
                return
        signal.signal(signal.SIGTERM, lambda *_: dockerd.send_signal(signal.SIGTERM))
        pid = 0
        while pid != dockerd.pid:
            pid, ended = os.wait()
        dockerd.returncode = status = os.waitstatus_to_exitcode(ended)
    finally:
        os._exit(0 if status == 0 else 1)


def _hide_settings() -> None:
    """Give this process a writable /etc of its own, without the settings of the machine's engine in /etc/docker.

    Some versions of dockerd end if they cannot write a key to /etc/docker, and an ordinary user cannot read the
    machine's own key.
    """
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    for layer in ("etc", "work"):
        (FOLDER / layer).mkdir()
    layers = f"lowerdir=/etc,upperdir={FOLDER}/etc,workdir={FOLDER}/work"
    libc.mount("overlay", "/etc", "overlay", 0, layers)
    with contextlib.suppress(FileExistsError):
        os.mkdir("/etc/docker")
    libc.mount("tmpfs", "/etc/docker", "tmpfs", 0)
