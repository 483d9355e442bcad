"""`badwire fault set|show|clear|release`: changes and prints the faults of the wire on frames between hosts."""

import argparse
import sys
from dataclasses import dataclass, field
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.errors import BadOption
from badwire.faults import from_json, grammar
from badwire.faults.direction import Direction
from badwire.util.suggestion import did_you_mean

ACTIONS = {
    "set": "replace the faults in force by these",
    "show": "show the faults in force",
    "clear": "lift all faults, and deliver the frames that hold and late have kept",
    "release": "deliver the frames that hold and late have kept, and keep later ones",
}
_DIRECTIONS = ("--toward", "--from", "--between", "--of")
_OF_HOSTS = ("show", "release")  # the actions that know no direction but toward
USAGE = """usage: badwire fault set [DIRECTION... FAULT[=VALUE] [FIELD=VALUE]...]...
       badwire fault clear [DIRECTION...]
       badwire fault show|release [--toward HOST]...

  badwire fault set --toward server delay=50ms jitter=10ms loss=10%
  badwire fault set --toward server delay=50ms --toward client delay=5ms loss=1%
  badwire fault set --between web redis delay=50ms port=6379
  badwire fault set --of db partition for=5s     cuts db off in both directions, for five seconds
  badwire fault set nth=2 data=yes               drops the second segment with data, toward each host

A direction is before the faults that are meant for it; without one they apply toward every host:

  --toward HOST      what is sent to the host; with --from, what is sent to it from there
  --from HOST        what the host sends
  --between A B      what either of two hosts sends to the other
  --of HOST          what the host sends and what is sent to it

`set` replaces the faults in force of the same direction: with --toward alone, all faults toward the host. These are the
faults, each with its fields (documented in lab/badwire/faults):

"""


def fault(argv: list[str]) -> int:
    """Set, show, clear or release faults, and print the faults in force. Raises LabError."""
    if argv[:1] in (["-h"], ["--help"]):
        print(USAGE + grammar.usage())
        return 0
    action, *rest = argv or [""]
    if action not in ACTIONS:
        example = "as in `badwire fault set --toward server delay=50ms`."
        hint = did_you_mean(action, ACTIONS, otherwise=example)
        raise BadOption(f"badwire fault needs set, show, clear or release, {hint}")
    args = _parser(action).parse_intermixed_args(rest)
    groups: list[dict[str, Any]] = []
    if action == "set":
        groups = _groups(rest)
    elif action == "clear":
        groups = [{"direction": _direction(args).to_json(), "faults": []}]
    connection = connect(args.name)
    names_more = action not in _OF_HOSTS and bool(args.between or args.of or getattr(args, "from"))
    toward = [] if names_more else args.toward  # what is shown, or released
    connection.send(do="fault", what=action, toward=toward, groups=groups)
    result = connection.receive_reply()["ok"]
    if action == "release":
        for host, frames in result["released"].items():
            print(f"badwire: {frames} frames toward {host} were delivered", file=sys.stderr)
    print(format_faults(result["in_force"]))
    return 0


def _parser(action: str) -> arguments.Parser:
    about = ACTIONS[action].capitalize() + "."
    parser = arguments.Parser(f"fault {action}", about)
    add_name(parser.add_argument)
    before = "; it precedes the faults" if action == "set" else ""
    options = {"--toward": f"what is sent to this host (default: all){before}"}
    if action not in _OF_HOSTS:
        options["--from"] = f"what this host sends{before}"
        options["--of"] = f"what this host sends and what is sent to it{before}"
        parser.add_argument(
            "--between",
            action="append",
            default=[],
            nargs=2,
            metavar=("A", "B"),
            help=f"what either of two hosts sends to the other{before}",
        )
    for option, help_ in options.items():
        parser.add_argument(option, action="append", default=[], metavar="HOST", help=help_)
    if action == "set":
        parser.add_argument("faults", nargs="*", metavar="FAULT", help="`badwire fault --help` lists them")
    return parser


def format_faults(in_force: dict[str, Any]) -> str:
    """Format the faults in force, one line for each host, in the form that `badwire fault set` accepts."""
    width = max(map(len, in_force))
    lines = []
    for host, current in in_force.items():
        faults = [from_json(description) for description in current["faults"]]
        if faults:
            text = " ".join(grammar.text(fault) for fault in faults)
            state = f"{text}  ({current['engine']})"
        else:
            state = "nothing"
        lines.append(f"toward {host:{width}}  {state}")
    return "\n".join(lines)


@dataclass
class _Group:
    """A direction, as its options give it, and the words of its faults."""

    options: list[tuple[str, str | tuple[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def direction(self) -> Direction:
        def of(option: str) -> tuple[Any, ...]:
            return tuple(value for name, value in self.options if name == option)

        return Direction(of("--toward"), of("--from"), of("--between"), of("--of"))


def _direction(args: argparse.Namespace) -> Direction:
    """The direction of the parser's arguments."""
    between = tuple((one, other) for one, other in args.between)
    return Direction(tuple(args.toward), tuple(getattr(args, "from")), between, tuple(args.of))


def _groups(argv: list[str]) -> list[dict[str, Any]]:
    """The faults of `badwire fault set`, each with the direction that is before it, as the session expects them.

    Args:
        argv: the arguments, which the parser has accepted.

    Raises:
        BadOption: there is no fault, or it is not clear for which direction one is meant.
        BadFault: a word is wrong.
    """
    groups = [_Group()]
    words = iter(argv)
    for word in words:
        option, equals, value = word.partition("=")
        if option in _DIRECTIONS:
            if groups[-1].words:
                groups.append(_Group())
            first = value if equals else next(words)
            groups[-1].options.append((option, (first, next(words)) if option == "--between" else first))
        elif word == "--name":
            next(words)
        elif not word.startswith("--"):
            groups[-1].words.append(word)
    if len(groups) == 2 and not groups[0].options and not groups[1].words:
        groups = [_Group(groups[1].options, groups[0].words)]  # loss=1% --toward server
    if not any(group.words for group in groups):
        example = f"badwire fault set {grammar.EXAMPLE}"
        raise BadOption(f"Name a fault, as in `{example}`; `badwire fault --help` lists them all.")
    for group in groups:
        if not group.words or (not group.options and len(groups) > 1):
            raise BadOption(
                "Write --toward, --from, --between or --of before the faults that are meant for these hosts, as in"
                " `badwire fault set --toward server delay=50ms --toward client loss=10%`."
            )
    return [{"direction": group.direction.to_json(), "faults": _faults(group.words)} for group in groups]


def _faults(words: list[str]) -> list[dict[str, Any]]:
    return [fault.to_json() for fault in grammar.parse(words)]
