"""The command of a container: ``python3 -I -m badwire.agent host`` or ``wire``, on standard input and output."""

import signal
import sys

from badwire.agent.server import serve

SCRATCH = "/tmp"  # the container's one writable folder
NOBODY = 65534


def main() -> None:
    kind = sys.argv[1] if len(sys.argv) == 2 else ""
    if kind not in ("host", "wire"):
        sys.exit("usage: python3 -I -m badwire.agent host|wire")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the end of its stream ends an agent
    serve(kind, 0, 1, SCRATCH, NOBODY)


if __name__ == "__main__":
    main()
