"""`badwire fault set|show|clear|release`: changes and prints the faults of the wire on frames toward hosts."""

import argparse
import sys
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.errors import BadOption
from badwire.faults import from_json, grammar
from badwire.util.suggestion import did_you_mean

ACTIONS = {
    "set": "replace the faults in force by these",
    "show": "show the faults in force",
    "clear": "lift all faults, and deliver the frames that a hold or a late kept",
    "release": "deliver the frames that a hold or a late keeps, and keep later ones",
}
USAGE = """usage: badwire fault set [--toward HOST]... FAULT[=VALUE] [FIELD=VALUE]...
       badwire fault show|clear|release [--toward HOST]...

  badwire fault set --toward server delay=50ms jitter=10ms loss=10%
  badwire fault set nth=2 data=yes          drops the second segment with data, toward each host

Without --toward, every host is meant. The faults, each with its fields (documented in lab/badwire/faults):

"""


def fault(argv: list[str]) -> int:
    """Set, show, clear or release faults, and print the faults in force. Raises LabError."""
    if argv[:1] in (["-h"], ["--help"]):
        print(USAGE + grammar.usage())
        return 0
    action, *rest = argv or [""]
    if action not in ACTIONS:
        known = ", ".join(ACTIONS)
        example = "as in `badwire fault set --toward server delay=50ms`."
        hint = did_you_mean(action, ACTIONS, otherwise=example)
        raise BadOption(f"badwire fault needs {known}, {hint}")
    args = _parser(action).parse_intermixed_args(rest)
    faults = _faults(args) if action == "set" else []
    connection = connect(args.name)
    connection.send(do="fault", what=action, toward=args.toward, faults=faults)
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
        help="only toward this host (all)",
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


def _faults(args: argparse.Namespace) -> list[dict[str, Any]]:
    if not args.faults:
        example = f"badwire fault set {grammar.EXAMPLE}"
        raise BadOption(f"Name a fault, as in `{example}`; `badwire fault --help` lists them all.")
    faults = grammar.parse(args.faults)
    return [fault.to_json() for fault in faults]
