"""Inside the lab's own kernel: a Docker Engine of its own, on the disk that `engine_disk` makes and lends.

It is told to leave alone what a lab does not need: rules of iptables, a bridge of its own, a proxy for published ports.
What it does to containers is as anywhere else.
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
LAST_LINES = 3  # of the log, in an error's sentence
_SHIM = "containerd-shim-runc-v2"
ADDRESS = "unix:///run/docker.sock"

COMMAND = (
    "dockerd",
    f"--host={ADDRESS}",
    f"--data-root={FOLDER}/disk/docker",
    "--exec-root=/run/docker",
    "--pidfile=/run/docker.pid",
    "--storage-driver=overlay2",
    "--exec-opt=native.cgroupdriver=cgroupfs",  # nobody here is systemd
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--userland-proxy=false",
    "--log-level=warn",
)

# In Go's collector of garbage one thread waits for another by asking again and again (runtime/mgcsweep.go, bgsweep). On
# this kernel's only processor, whose clock stands still meanwhile, that other one never gets its turn. So the engine
# has one of Go's processors, where there is nobody to wait for, and collects only when it must.
ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "off", "GOMEMLIMIT": "300MiB"}
# The shim, one for each container, sets both for itself; it and runc live for a container only, and can do without.
SHIM = """#!/bin/sh
GODEBUG=sbrk=1 exec {} "$@"
"""
# What the engine finds along its PATH. Not iptables: in each container it tries ten times to make rules for the
# name server of the engine, which this kernel has no tables for.
PROGRAMS = ("dockerd", "containerd", "runc", "docker-init", _SHIM)


class Engine:
    """A running engine: where it answers, and the process that looks after it."""

    address = ADDRESS

    def __init__(self, keeper: int) -> None:
        self._keeper = keeper

    def stop(self) -> None:
        """End it and put its disk away, so that what it wrote there is whole. Raises OSError."""
        os.kill(self._keeper, signal.SIGTERM)
        os.waitpid(self._keeper, 0)
        libc.umount(str(FOLDER / "disk"))


def start() -> Engine:
    """Mount the disk, start the engine, return once it answers. Raises MachineError with the last lines of its log."""
    (FOLDER / "disk").mkdir(parents=True)
    try:
        libc.mount(DEVICE, str(FOLDER / "disk"), "ext4", libc.MS_NOATIME)
    except OSError as error:
        raise MachineError(
            f"the disk of the Docker Engine on the virtual clock cannot be read ({error.strerror}); remove the folder"
            " badwire/engine from your cache, and it is made anew."
        ) from None
    libc.mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0)
    _furnish(FOLDER / "bin")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as ready:
        ready.bind(str(FOLDER / "ready"))
        keeper = os.fork()
        if keeper == 0:
            _keep()
        ended = os.pidfd_open(keeper)
        try:
            awaited = select.poll()
            awaited.register(ready, select.POLLIN)
            awaited.register(ended, select.POLLIN)
            # sd_notify(3): what services say to whoever started them, here that the engine answers.
            while ended not in dict(awaited.poll()):
                if b"READY=1" in ready.recv(4096).split(b"\n"):
                    return Engine(keeper)
        finally:
            os.close(ended)
    os.waitpid(keeper, 0)
    said = " | ".join(LOG.read_text(errors="replace").splitlines()[-LAST_LINES:]) or "nothing"
    raise MachineError(
        f"the Docker Engine on the virtual clock ended as soon as it was started (its last lines: {said}); see whether"
        " dockerd runs on this machine itself, or take --substrate netns."
    )


def _furnish(folder: Path) -> None:
    """The folder that is the engine's PATH: links to its programs, but for the shim, which is ours around theirs."""
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name, path=paths.ENVIRONMENT["PATH"])
        if name == _SHIM:
            (folder / name).write_text(SHIM.format(found))
            (folder / name).chmod(0o755)
        elif found is not None:
            (folder / name).symlink_to(found)


def _keep() -> None:
    """The process that starts dockerd, passes SIGTERM on to it, and buries whom it leaves behind; never returns."""
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
        # One line at a time, and an engine says little.
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
    """For the engine alone, /etc can be written, and has no settings of the machine's own engine.

    Some engines write a key to /etc/docker, or end; and a user cannot read the one that is there.
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
