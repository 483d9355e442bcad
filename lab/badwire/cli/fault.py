"""`badwire fault set|show|clear|release`: changes and prints the faults of the wire on frames toward hosts."""

import sys
from dataclasses import dataclass, field
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.errors import BadOption
from badwire.faults import from_json, grammar
from badwire.util.suggestion import did_you_mean

ACTIONS = {
    "set": "replace the faults in force by these",
    "show": "show the faults in force",
    "clear": "lift all faults, and deliver the frames that hold and late have kept",
    "release": "deliver the frames that hold and late have kept, and keep later ones",
}
USAGE = """usage: badwire fault set [[--toward HOST]... FAULT[=VALUE] [FIELD=VALUE]...]...
       badwire fault show|clear|release [--toward HOST]...

  badwire fault set --toward server delay=50ms jitter=10ms loss=10%
  badwire fault set --toward server delay=50ms --toward client delay=5ms loss=1%
  badwire fault set nth=2 data=yes          drops the second segment with data, toward each host

Without --toward, faults apply toward every host; otherwise they apply toward the hosts named before them. These are
the faults, each with its fields (documented in lab/badwire/faults):

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
    groups = _groups(rest) if action == "set" else []
    connection = connect(args.name)
    connection.send(do="fault", what=action, toward=args.toward, groups=groups)
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
    parser.add_argument(
        "--toward",
        action="append",
        default=[],
        metavar="HOST",
        help="only toward this host (default: all); for `set`, it precedes the faults",
    )
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
    """Hosts, and the words of the faults toward them; without a host, toward every host."""

    toward: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def _groups(argv: list[str]) -> list[dict[str, Any]]:
    """The faults of `badwire fault set`, each with the hosts that are named before it, as the session expects them.

    Args:
        argv: the arguments, which the parser has accepted.

    Raises:
        BadOption: there is no fault, or it is not clear toward which host one is meant.
        BadFault: a word is wrong.
    """
    groups = [_Group()]
    words = iter(argv)
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--toward":
            if groups[-1].words:
                groups.append(_Group())
            groups[-1].toward.append(value if equals else next(words))
        elif word == "--name":
            next(words)
        elif not word.startswith("--"):
            groups[-1].words.append(word)
    if len(groups) == 2 and not groups[0].toward and not groups[1].words:
        groups = [_Group(groups[1].toward, groups[0].words)]  # loss=1% --toward server
    if not any(group.words for group in groups):
        example = f"badwire fault set {grammar.EXAMPLE}"
        raise BadOption(f"Name a fault, as in `{example}`; `badwire fault --help` lists them all.")
    for group in groups:
        if not group.words or (not group.toward and len(groups) > 1):
            raise BadOption(
                "Write --toward before the faults that are meant for its host, as in `badwire fault set --toward server"
                " delay=50ms --toward client loss=10%`."
            )
    return [{"toward": group.toward, "faults": _faults(group.words)} for group in groups]


def _faults(words: list[str]) -> list[dict[str, Any]]:
    return [fault.to_json() for fault in grammar.parse(words)]
