"""`badwire fault set|show|clear|release`: changes and prints the faults of the wire on frames toward hosts."""

import argparse
import difflib
import sys
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, connect
from badwire.errors import BadOption
from badwire.faults import from_json, grammar

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
    if not argv or argv[0] not in ACTIONS:
        near = difflib.get_close_matches(argv[0], ACTIONS, n=1) if argv else []
        way_out = f", did you mean {near[0]}?" if near else ", as in `badwire fault set --toward server delay=50ms`."
        raise BadOption(f"badwire fault needs {', '.join(ACTIONS)}{way_out}")
    what, *rest = argv
    parser = arguments.Parser(f"fault {what}", ACTIONS[what].capitalize() + ".")
    add_name(parser.add_argument)
    parser.add_argument(
        "--toward",
        action="append",
        default=[],
        metavar="HOST",
        help="only toward this host (all)",
    )
    if what == "set":
        parser.add_argument("faults", nargs="*", metavar="FAULT", help="`badwire fault --help` lists them")
    wants = parser.parse_intermixed_args(rest)
    faults = _faults(wants) if what == "set" else []
    connection = connect(wants.name)
    connection.send(do="fault", what=what, toward=wants.toward, faults=faults)
    result = connection.receive_reply()["ok"]
    for host, frames in (result["released"] or {}).items():
        print(f"badwire: {frames} frames toward {host} were delivered", file=sys.stderr)
    print(format_faults(result["in_force"]))
    return 0


def format_faults(in_force: dict[str, Any]) -> str:
    """Format the faults in force, one line for each host, in the form that `badwire fault set` accepts."""
    width = max(map(len, in_force))
    lines = []
    for host, current in in_force.items():
        faults = " ".join(grammar.text(from_json(description)) for description in current["faults"])
        state = f"{faults}  ({current['engine']})" if faults else "nothing"
        lines.append(f"toward {host:{width}}  {state}")
    return "\n".join(lines)


def _faults(wants: argparse.Namespace) -> list[dict[str, Any]]:
    if not wants.faults:
        raise BadOption(
            f"Name a fault, as in `badwire fault set {grammar.EXAMPLE}`; `badwire fault --help` lists them all."
        )
    return [fault.to_json() for fault in grammar.parse(wants.faults)]
