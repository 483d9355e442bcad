"""`badwire up`: starts the process that keeps a lab, and says what to type next once the lab is there."""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from badwire import options
from badwire.cli import arguments
from badwire.cli.connect import add_name, program
from badwire.errors import AgentLost, BadOption
from badwire.session.connection import Line
from badwire.session.registry import DEFAULT
from badwire.store import run_folder
from badwire.substrate import mounts, select
from badwire.util import project

VIRTUAL = (
    "A lab under your hands cannot be on the virtual clock: whenever every program waits, as while you type, its time"
    " jumps to the next timer, so that hours pass between two keys; put what is to be done into a script, and run that:"
    " `{lab} kernel run -- sh -c '{lab} up --substrate netns && {lab} run-on ...; {lab} down'`."
)

NEXT = """\
  {lab} shell{n} {a}
  {lab} run-on{n} {b} echo_serial 7000
  {lab} run-on{n} {a} send_and_verify {b} 7000
  {lab} fault set{n} --toward {b} delay=50ms loss=10%
  {lab} fault clear{n}
  {lab} sockets{n} --watch
  {lab} capture{n} --live | tcpdump -n -r -
  {lab} down{n}"""


def up(argv: list[str]) -> int:
    """Returns when the lab is up. Raises LabError."""
    wants = _parser().parse_args(argv)
    if wants.clock == "virtual":
        raise BadOption(VIRTUAL.format(lab=program()))
    asked = {
        "name": wants.name,
        "substrate": wants.substrate,
        "engine": wants.engine,
        "seed": wants.seed,
        "out": str(wants.out.absolute()),
        "hosts": dict(wants.hosts),
        "sysctls": _by_host(wants.sysctl),
        "mounts": [str(path) for path in mounts.resolve(wants.mount, "--mount")],
    }
    began = time.monotonic()

    def tell(text: str) -> None:
        if not wants.quiet:
            print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

    print(told(start(asked, tell), wants.name))
    return 0


def start(asked: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """What the process that keeps the lab says of it, once it is up; whatever else happens, that process has ended.

    Raises LabError.
    """
    with ExitStack() as undo:
        stderr = undo.enter_context(tempfile.TemporaryFile())
        ours, theirs = socket.socketpair()
        with theirs:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "badwire.session.daemon", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd="/",
                env={
                    **os.environ,
                    "PYTHONPATH": f"{project.IMPORTED_FROM}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
                },
                start_new_session=True,  # neither Ctrl-C nor a terminal that closes is for the lab
            )
        undo.callback(keeper.wait)
        line = Line(ours)
        undo.callback(line.close)  # upon which it ends, and undoes what it did
        line.say(**asked)
        for message in line.all():
            if "ready" in message:
                undo.pop_all()
                line.say(noted=True)  # now it stays when we end; not before, or a Ctrl-C would wait for its end
                line.close()
                keeper.returncode = 0  # it is on its own now, and no child to be waited for
                return dict(message["ready"])
            tell(message["progress"])
        keeper.wait()
        stderr.seek(0)
        words = stderr.read().decode("utf-8", "backslashreplace").strip().splitlines()[-1:]
    raise AgentLost(f"The process that keeps the lab ended at once; its last words: {words[0] if words else 'none'}")


def told(facts: dict[str, Any], name: str) -> str:
    """Where the lab is, what to type next, and the run's folder as the last line."""
    hosts, folder = facts["hosts"], Path(facts["folder"])
    b = "server" if "server" in hosts else next(iter(hosts))
    a = next((host for host in hosts if host != b), b)
    which = "" if name == DEFAULT else f" --name {name}"
    there = ", ".join(f"{host} {address}" for host, address in hosts.items())
    shown = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else folder
    return f"The lab is up ({facts['substrate']}): {there}\n{NEXT.format(lab=program(), n=which, a=a, b=b)}\n{shown}"


def _parser() -> arguments.Parser:
    parser = arguments.Parser("up", "Bring a lab up and keep it; `badwire down` ends it.")
    add = parser.add_argument
    add_name(add)
    add("--substrate", type=arguments.one_of(select.NAMES), default="auto", metavar="|".join(select.NAMES))
    add("--engine", type=arguments.one_of(options.ENGINES), default="auto", metavar="|".join(options.ENGINES))
    add("--clock", type=arguments.one_of(options.CLOCKS), default="real", metavar="|".join(options.CLOCKS))
    add("--seed", type=arguments.seed, default=1, metavar="N", help="what every random draw comes from (1)")
    add(
        *("--hosts",),
        type=_number_of,
        nargs="+",
        action="extend",
        default=[],
        metavar="HOST=N",
        help="how many of a host, as client=2: client1 and client2 in place of client",
    )
    add(
        *("--sysctl",),
        action="append",
        type=_setting,
        default=[],
        metavar="[HOST:]NAME=VALUE",
        help="set on a host, or on all, as it is made",
    )
    add(
        *("--mount",),
        action="append",
        default=[],
        metavar="PATH",
        help="of this machine, which containers see, too, read-only",
    )
    add("--out", type=arguments.folder, default=run_folder.DEFAULT, metavar="DIR", help="where run folders go (runs)")
    add("--quiet", action="store_true", help="no progress on stderr")
    return parser


def _number_of(value: str) -> tuple[str, int]:
    host, _, number = value.partition("=")
    if host and number.isascii() and number.isdigit() and len(number) <= 9:
        return host, int(number)
    raise argparse.ArgumentTypeError(f"{value!r} is no number of hosts, as in client=2")


def _setting(value: str) -> tuple[str, str, str]:
    where, _, setting = value.rpartition(":") if ":" in value.partition("=")[0] else ("", "", value)
    name, equals, wanted = setting.partition("=")
    if name.startswith("net.") and equals:
        return where, name, wanted
    raise argparse.ArgumentTypeError(f"{value!r} is no setting of a host, as in net.ipv4.tcp_sack=0")


def _by_host(settings: list[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for host, name, value in settings:
        found[host][name] = value
    return dict(found)
