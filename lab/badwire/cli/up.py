"""`badwire up`: starts the daemon of a lab, waits until the lab is up, and prints the commands to type next."""

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
from badwire.session.connection import ControlConnection
from badwire.session.registry import DEFAULT
from badwire.store import run_folder
from badwire.substrate import mounts, select
from badwire.util import import_path

VIRTUAL = (
    "An interactive lab cannot be on the virtual clock: whenever every program waits, as while you type, its time"
    " jumps to the next timer, so that hours pass between two keys; put the commands into a script, and run that:"
    " `{lab} kernel run -- sh -c '{lab} up --substrate netns && {lab} run-on ...; {lab} down'`."
)

NEXT_COMMANDS = """\
  {lab} shell{n} {a}
  {lab} run-on{n} {b} echo_serial 7000
  {lab} run-on{n} {a} send_and_verify {b} 7000
  {lab} fault set{n} --toward {b} delay=50ms loss=10%
  {lab} fault clear{n}
  {lab} sockets{n} --watch
  {lab} capture{n} --live | tcpdump -n -r -
  {lab} down{n}"""


def up(argv: list[str]) -> int:
    """Bring a lab up, and return once it is up. Raises LabError."""
    wants = _parser().parse_args(argv)
    if wants.clock == "virtual":
        raise BadOption(VIRTUAL.format(lab=program()))
    request = {
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

    def report_progress(text: str) -> None:
        if not wants.quiet:
            print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

    facts = start_daemon(request, report_progress)
    print(summary(facts, wants.name))
    return 0


def start_daemon(request: dict[str, Any], report_progress: Callable[[str], None]) -> dict[str, Any]:
    """Start the daemon, wait until the lab is up, and return the daemon's facts about it: hosts, folder, substrate.

    Args:
        request: the fields of a LabRequest.
        report_progress: called with each step.

    Raises:
        LabError: the lab could not be brought up, and the daemon has ended.
    """
    with ExitStack() as undo:
        stderr = undo.enter_context(tempfile.TemporaryFile())
        ours, theirs = socket.socketpair()
        with theirs:
            daemon = subprocess.Popen(
                import_path.command("badwire.session.daemon", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd="/",
                env=import_path.environment(),
                start_new_session=True,  # so that neither Ctrl-C nor closing the terminal ends the lab
            )
        undo.callback(daemon.wait)
        connection = ControlConnection(ours)
        undo.callback(connection.close)  # the daemon then removes what it created, and ends
        connection.send(**request)
        for message in connection.messages():
            if "ready" in message:
                undo.pop_all()
                connection.send(confirmed=True)  # from now on the daemon runs on without us; Ctrl-C before ends it
                connection.close()
                daemon.returncode = 0  # else Popen would warn that the daemon still runs
                return dict(message["ready"])
            report_progress(message["progress"])
        daemon.wait()
        stderr.seek(0)
        lines = stderr.read().decode("utf-8", "backslashreplace").strip().splitlines()
    last_line = lines[-1] if lines else "none"
    raise AgentLost(f"The process that keeps the lab ended at once; the last line of its stderr: {last_line}")


def summary(facts: dict[str, Any], name: str) -> str:
    """Return the text to print: the hosts with their addresses, the commands to type next, and the run folder."""
    hosts, folder = facts["hosts"], Path(facts["folder"])
    b = "server" if "server" in hosts else next(iter(hosts))
    a = next((host for host in hosts if host != b), b)
    name_option = "" if name == DEFAULT else f" --name {name}"
    addresses = ", ".join(f"{host} {address}" for host, address in hosts.items())
    path = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)
    return "\n".join(
        (
            f"The lab is up ({facts['substrate']}): {addresses}",
            NEXT_COMMANDS.format(lab=program(), n=name_option, a=a, b=b),
            path,
        )
    )


def _parser() -> arguments.Parser:
    parser = arguments.Parser("up", "Bring a lab up and keep it up; `badwire down` ends it.")
    add = parser.add_argument
    add_name(add)
    add("--substrate", type=arguments.one_of(select.NAMES), default="auto", metavar="|".join(select.NAMES))
    add("--engine", type=arguments.one_of(options.ENGINES), default="auto", metavar="|".join(options.ENGINES))
    add("--clock", type=arguments.one_of(options.CLOCKS), default="real", metavar="|".join(options.CLOCKS))
    add("--seed", type=arguments.seed, default=1, metavar="N", help="where every random draw comes from (1)")
    add(
        "--hosts",
        type=_number_of,
        nargs="+",
        action="extend",
        default=[],
        metavar="HOST=N",
        help="how many of a host: client=2 gives client1 and client2 in place of client",
    )
    add(
        "--sysctl",
        action="append",
        type=_setting,
        default=[],
        metavar="[HOST:]NAME=VALUE",
        help="a setting of one host, or of all, made before any program starts",
    )
    add(
        "--mount",
        action="append",
        default=[],
        metavar="PATH",
        help="of this machine, which every host sees, read-only",
    )
    add("--out", type=arguments.folder, default=run_folder.DEFAULT, metavar="DIR", help="where run folders go (runs)")
    add("--quiet", action="store_true", help="no progress on stderr")
    return parser


def _number_of(value: str) -> tuple[str, int]:
    host, _, number = value.partition("=")
    if host and number.isascii() and number.isdigit() and len(number) <= 9:
        return host, int(number)
    raise argparse.ArgumentTypeError(f"{value!r} is not a number of hosts, as in client=2")


def _setting(value: str) -> tuple[str, str, str]:
    where, _, setting = value.rpartition(":") if ":" in value.partition("=")[0] else ("", "", value)
    name, equals, wanted = setting.partition("=")
    if name.startswith("net.") and equals:
        return where, name, wanted
    raise argparse.ArgumentTypeError(f"{value!r} is not a setting of a host, as in net.ipv4.tcp_sack=0")


def _by_host(settings: list[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for host, name, value in settings:
        found[host][name] = value
    return dict(found)
