"""Opens a lab on network namespaces as a user without any right, and prints what a program finds there, as JSON.

Run as root: ``python -m tests.conformance.ordinary_user FOLDER``. The modules are imported before it becomes that user,
who may perhaps not read them.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

from badwire.linux import libc
from badwire.substrate import netns_init
from badwire.substrate.netns import Netns
from badwire.testbed import open_lab
from badwire.topology.topology import Topology
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

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


def main(folder: Path) -> None:
    if os.geteuid() == 0:
        os.chown(folder, USER, USER)
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        libc.prctl(PR_SET_DUMPABLE, 1)  # else its files in /proc are root's, as after any change of user
    with open_lab(Topology.of("server", "client"), Netns(Forked), folder=folder / "run") as lab:
        rows = json.dumps({name: row for name, (row, _) in ROWS.items()})
        ended = lab.host("client").run(PYTHON, "-c", SEES, rows)
        own = lab.host("client").run("/bin/sh", "-c", "hostname; cat /etc/hosts; echo kept > /tmp/own; cat /tmp/own")
    print(json.dumps({"rows": json.loads(ended.out or "{}"), "err": ended.err + own.err, "own": own.out.split()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
