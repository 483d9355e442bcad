"""`badwire up`: starts the daemon of a lab, waits until the lab is up, and prints the commands to type next."""

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

from badwire import options
from badwire.cli import arguments
from badwire.cli.connect import add_name, program
from badwire.cli.paths import relative
from badwire.errors import AgentLost, BadOption
from badwire.session.connection import ControlConnection
from badwire.session.registry import DEFAULT, format_hosts
from badwire.substrate import mounts, select
from badwire.util import import_path

VIRTUAL = (
    "An interactive lab cannot be on the virtual clock: whenever every program waits, as while you type, its time"
    " jumps to the next timer, so that hours pass between two keystrokes; put the commands into a script, and run that:"
    " `{lab} kernel run -- sh -c '{lab} up --substrate netns && {lab} run-on ...; {lab} down'`."
)

# Without the reference programs, since these hosts have programs of their own.
ATTACHED_COMMANDS = """\
  {lab} fault set{name} --toward {server} delay=50ms loss=10%
  {lab} fault clear{name}
  {lab} sockets{name} --watch
  {lab} capture{name} --live | tcpdump -n -r -
  {lab} shell{name} {client}
  {lab} detach{name}"""

NEXT_COMMANDS = """\
  {lab} shell{name} {client}
  {lab} run-on{name} {server} echo_serial 7000
  {lab} run-on{name} {client} send_and_verify {server} 7000
  {lab} fault set{name} --toward {server} delay=50ms loss=10%
  {lab} fault clear{name}
  {lab} sockets{name} --watch
  {lab} capture{name} --live | tcpdump -n -r -
  {lab} down{name}"""


_HOST_COUNT = re.compile(r"(?P<host>[^=]+)=(?P<number>[0-9]{1,9})")
_SYSCTL = re.compile(r"(?:(?P<host>[^=]*):)?(?P<name>net\.[^=:]*)=(?P<value>.*)", re.DOTALL)


# What the daemon reports once the lab is up: "hosts" (addresses by name), "folder" and "substrate".
LabFacts = dict[str, Any]


class Sysctl(NamedTuple):
    """A setting of one host, or of all hosts if ``host`` is empty."""

    host: str
    name: str
    value: str


def up(argv: list[str]) -> int:
    """Bring a lab up, and return once it is up. Raises LabError."""
    args = _parser().parse_args(argv)
    if args.clock == "virtual":
        raise BadOption(VIRTUAL.format(lab=program()))
    mounted = mounts.resolve(args.mount, "--mount")
    return bring_up(
        args,
        substrate=args.substrate,
        hosts=dict(args.hosts),
        sysctls=_by_host(args.sysctl),
        mounts=[str(path) for path in mounted],
        ipv6=args.ipv6,
        compose=str(args.compose or ""),
        addresses=dict(args.addresses),
    )


def bring_up(args: argparse.Namespace, **request: Any) -> int:
    """Start the daemon of a lab, wait until the lab is up, and print what to type next. Raises LabError.

    Args:
        args: the options that `badwire up` and `badwire attach` share: name, engine, seed, env, snaplen, out, quiet.
        request: the other fields of the LabRequest.
    """
    request = {
        "name": args.name,
        "engine": args.engine,
        "seed": args.seed,
        "env": arguments.by_name(args.env, "variable"),
        "snaplen": args.snaplen,
        "out": str(args.out.absolute()),
        **request,
    }
    began = time.monotonic()

    def report_progress(text: str) -> None:
        if not args.quiet:
            elapsed = time.monotonic() - began
            print(f"{elapsed:6.1f} s  {text}", file=sys.stderr, flush=True)

    facts = start_daemon(request, report_progress)
    print(summary(facts, args.name, ATTACHED_COMMANDS if "attach" in request else NEXT_COMMANDS))
    return 0


def start_daemon(request: dict[str, Any], report_progress: Callable[[str], None]) -> LabFacts:
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
            daemon = _start_process(theirs, stderr)
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
        output = stderr.read().decode("utf-8", "backslashreplace").strip()
    last_line = output.splitlines()[-1] if output else "none"
    raise AgentLost(f"The process that keeps the lab ended at once; the last line of its stderr: {last_line}")


def _start_process(connection: socket.socket, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    fd = connection.fileno()
    return subprocess.Popen(
        import_path.command("badwire.session.daemon", str(fd)),
        pass_fds=[fd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        cwd="/",
        env=import_path.environment(),
        start_new_session=True,  # so that neither Ctrl-C nor closing the terminal ends the lab
    )


def summary(facts: LabFacts, name: str, template: str = NEXT_COMMANDS) -> str:
    """Return the text to print: the hosts with their addresses, the commands to type next, and the run folder."""
    addresses = facts["hosts"]
    client, server = _example_hosts(list(addresses))
    name_option = "" if name == DEFAULT else f" --name {name}"
    commands = template.format(lab=program(), name=name_option, client=client, server=server)
    hosts = format_hosts(addresses)
    folder = relative(Path(facts["folder"]))
    return f"The lab is up ({facts['substrate']}): {hosts}\n{commands}\n{folder}"


def _example_hosts(hosts: list[str]) -> tuple[str, str]:
    """A client and a server for the commands to type next; the same host twice if there is only one."""
    server = "server" if "server" in hosts else hosts[0]
    for host in hosts:
        if host != server:
            return host, server
    return server, server


def _parser() -> arguments.Parser:
    parser = arguments.Parser("up", "Bring a lab up and keep it up; `badwire down` ends it.")
    add = parser.add_argument
    add_name(add)
    arguments.add_choice(add, "--substrate", select.NAMES, default="auto")
    arguments.add_choice(add, "--engine", options.ENGINES, default="auto")
    arguments.add_choice(add, "--clock", options.CLOCKS, default="real")
    add("--seed", type=arguments.seed, default=1, metavar="N", help="the seed of all random numbers (default: 1)")
    add(
        "--hosts",
        type=_number_of("copies of a host", "client=2"),
        nargs="+",
        action="extend",
        default=[],
        metavar="HOST=N",
        help="the number of copies of a host: client=2 gives client1 and client2 in place of client",
    )
    add(
        "--addresses",
        type=_number_of("addresses", "server=2"),
        nargs="+",
        action="extend",
        default=[],
        metavar="HOST=N",
        help="how many addresses a host has: server=2 gives it a second one, which is {server.2} in run-on",
    )
    add(
        "--sysctl",
        action="append",
        type=_sysctl,
        default=[],
        metavar="[HOST:]NAME=VALUE",
        help="a sysctl of one host, or of all, set before any program starts",
    )
    add(
        "--mount",
        action="append",
        default=[],
        metavar="PATH",
        help="a file or folder of this machine that every host sees, read-only",
    )
    arguments.add_compose(add)
    add("--ipv6", action="store_true", help="give each host an IPv6 address too: {server.address6} in run-on")
    arguments.add_env(add)
    arguments.add_snaplen(add)
    arguments.add_out(add, "--out")
    add("--quiet", action="store_true", help="no progress on stderr")
    return parser


def _number_of(what: str, example: str) -> Callable[[str], tuple[str, int]]:
    """Return the argparse type of HOST=N, with at most nine digits; ``what`` and ``example`` are for the error."""

    def check(value: str) -> tuple[str, int]:
        matched = _HOST_COUNT.fullmatch(value)
        if matched is None:
            raise argparse.ArgumentTypeError(f"{value!r} is not a number of {what}, as in {example}")
        return matched["host"], int(matched["number"])

    return check


def _sysctl(value: str) -> Sysctl:
    """The argparse type of [HOST:]NAME=VALUE. The host is empty if there is none."""
    matched = _SYSCTL.fullmatch(value)
    if matched is None:
        raise argparse.ArgumentTypeError(f"{value!r} is not a sysctl with its value, as in net.ipv4.tcp_sack=0")
    return Sysctl(matched["host"] or "", matched["name"], matched["value"])


def _by_host(sysctls: list[Sysctl]) -> dict[str, dict[str, str]]:
    by_host: dict[str, dict[str, str]] = {}
    for sysctl in sysctls:
        values = by_host.setdefault(sysctl.host, {})
        values[sysctl.name] = sysctl.value
    return by_host
