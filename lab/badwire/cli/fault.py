"""`badwire fault set|show|clear|release`: what the wire does to frames on their way toward hosts."""

import argparse
import difflib
import sys
from typing import Any

from badwire.cli import arguments
from badwire.cli.connect import add_name, reach
from badwire.errors import BadOption
from badwire.faults import from_json, grammar

ACTIONS = {
    "set": "have these faults in force, and no others",
    "show": "what is in force",
    "clear": "lift all faults; what a hold or a late kept is let go",
    "release": "let go what a hold or a late keeps, and keep what comes later",
}
USAGE = """usage: badwire fault set [--toward HOST]... FAULT[=VALUE] [FIELD=VALUE]...
       badwire fault show|clear|release [--toward HOST]...

  badwire fault set --toward server delay=50ms jitter=10ms loss=10%
  badwire fault set nth=2 data=yes          the second segment that carries data, toward each host, is lost

Without --toward it is toward every host. The faults, each with its fields (docs: lab/badwire/faults):

"""


def fault(argv: list[str]) -> int:
    """`badwire fault`. Raises LabError."""
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
    parser.add_argument("--toward", action="append", default=[], metavar="HOST", help="one of them; else all")
    if what == "set":
        parser.add_argument("faults", nargs="*", metavar="FAULT", help="`badwire fault --help` names them")
    wants = parser.parse_intermixed_args(rest)
    faults = _faults(wants) if what == "set" else []
    line = reach(wants.name)
    line.say(do="fault", what=what, toward=wants.toward, faults=faults)
    done = line.expect()["ok"]
    for host, frames in (done["released"] or {}).items():
        print(f"badwire: {frames} frames toward {host} were let go", file=sys.stderr)
    print(shown(done["in_force"]))
    return 0


def shown(in_force: dict[str, Any]) -> str:
    """What is in force, a line a host, in words that `badwire fault set` takes."""
    width = max(map(len, in_force))
    lines = []
    for host, now in in_force.items():
        words = " ".join(grammar.text(from_json(each)) for each in now["faults"])
        lines.append(
            f"toward {host:{width}}  {words}  ({now['engine']})" if words else f"toward {host:{width}}  nothing"
        )
    return "\n".join(lines)


def _faults(wants: argparse.Namespace) -> list[dict[str, Any]]:
    if not wants.faults:
        raise BadOption(
            f"Name a fault, as in `badwire fault set {grammar.EXAMPLE}`; `badwire fault --help` names them all."
        )
    return [each.to_json() for each in grammar.parse(wants.faults)]
