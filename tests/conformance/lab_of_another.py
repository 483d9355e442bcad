"""Opens a lab on network namespaces as somebody else than this user, and prints what a program finds there, as JSON.

Run as root: ``python -m tests.conformance.lab_of_another KIND FOLDER``. The modules are imported before it becomes that
user, who may perhaps not read them.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from badwire.linux import libc
from badwire.substrate import netns_init
from badwire.substrate.netns import Netns
from badwire.testbed import open_lab
from badwire.topology.topology import Topology
from tests.conformance.test_containment import Machine, attacked, succeeded, survives
from tests.conformance.test_programs import PYTHON, ROWS, SEES

USER = 1  # daemon, on every Debian
PR_SET_DUMPABLE = 4


class Forked:
    """The init process of the namespaces, forked and not executed."""

    def __init__(self, theirs: socket.socket, stderr: int) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.dup2(stderr, 2)
                os.closerange(3, theirs.fileno())
                os.closerange(theirs.fileno() + 1, 1 << 10)
                netns_init.main(theirs)
                status = 0
            finally:
                os._exit(status)

    def pidfd(self) -> int:
        return os.pidfd_open(self.pid)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


def ordinary_user(folder: Path, then: Callable[[Path], None]) -> None:
    """Go on as a user without any right."""
    if os.geteuid() == 0:
        os.chown(folder, USER, USER)
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        libc.prctl(PR_SET_DUMPABLE, 1)  # else its files in /proc are root's, as after any change of user
    then(folder)


def root_without_user_namespaces(folder: Path, then: Callable[[Path], None], mask: bool = False) -> None:
    """Go on as root of a machine that lets nobody make user namespaces: one inside a user namespace of its own."""
    unshared, unshare = os.pipe()
    mapped, map_users = os.pipe()
    if mask:
        libc.unshare(libc.CLONE_NEWNS)
        libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
        libc.mount("tmpfs", "/proc/tty", "tmpfs", 0)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNS)
            os.write(unshare, b"done")
            os.read(mapped, 4)
            os.setgid(0)
            os.setuid(0)
            libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
            if not mask:
                Path("/proc/sys/user/max_user_namespaces").write_text("0")
            then(folder)
            sys.stdout.flush()
            status = 0
        finally:
            os._exit(status)
    os.read(unshared, 4)
    for kind in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{kind}").write_text("0 0 65536")
    os.write(map_users, b"done")
    _, ended = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(ended))


def root_in_a_container_that_masks_proc(folder: Path, then: Callable[[Path], None]) -> None:
    """Go on as root where no other /proc can be mounted, since parts of this one are hidden."""
    root_without_user_namespaces(folder, then, mask=True)


def report(folder: Path) -> None:
    """Open the lab, and print what a program finds, and which attacks of a hostile one succeed."""
    users = folder / "user"
    users.mkdir()
    with (
        closing(Machine(users, folder / "run")) as machine,
        open_lab(Topology.of("server", "client"), Netns(Forked), folder=folder / "run") as lab,
    ):
        rows = json.dumps({name: row for name, (row, _) in ROWS.items()})
        ended = lab.host("client").run(PYTHON, "-c", SEES, rows)
        own = lab.host("client").run("/bin/sh", "-c", "hostname; cat /etc/hosts; echo kept > /tmp/own; cat /tmp/own")
        succeed = succeeded(attacked(lab.host("server"), machine))
        survives(lab)
        gaps = lab.host("server").gaps()
    told = {"rows": json.loads(ended.out or "{}"), "err": ended.err + own.err, "own": own.out.split()}
    print(json.dumps({**told, "succeed": succeed, "gaps": gaps}))


KINDS = {
    kind.__name__: kind for kind in (ordinary_user, root_without_user_namespaces, root_in_a_container_that_masks_proc)
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Path(sys.argv[2]), report)
