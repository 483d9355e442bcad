"""The command of a container: ``python3 -I -m badwire.agent host``, ``wire`` or ``restorer NETWORK``.

Each speaks with the lab on standard input and output.
"""

import os
import signal
import sys

from badwire.agent.host.defaults import NOBODY, Confinement, ProgramDefaults
from badwire.agent.server import serve

HOME = "/tmp"  # the container's one writable folder
# Of the hosts' image, and of any image without a WORKDIR: a program then starts in HOME.
_NOBODYS_DIRECTORIES = ("/badwire", "/")
_OF_THE_AGENT = ("HOME", "HOSTNAME")  # variables that the engine sets for root, and for the agent's process


def main() -> None:
    kind, *arguments = sys.argv[1:] or [""]
    if (kind, len(arguments)) not in (("host", 0), ("wire", 0), ("restorer", 1)):
        sys.exit("usage: python3 -I -m badwire.agent host|wire|restorer NETWORK")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the end of its stream ends an agent
    if kind == "restorer":
        from badwire.agent import restorer

        restorer.main(arguments[0])
        return
    serve(0, 1, _defaults() if kind == "host" else None)


def _defaults() -> ProgramDefaults:
    """The working directory and the variables are those of the image, as for any program in a container of it."""
    directory = os.getcwd()
    if directory in _NOBODYS_DIRECTORIES:
        directory = HOME
    variables = {name: value for name, value in os.environ.items() if name not in _OF_THE_AGENT}
    return ProgramDefaults(HOME, directory, lambda: Confinement(NOBODY), variables)


if __name__ == "__main__":
    main()
