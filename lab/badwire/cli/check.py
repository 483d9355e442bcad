"""`badwire check`: judges saved runs again."""

import sys

from badwire.cli import arguments
from badwire.cli.output import print_result, worst
from badwire.errors import BadOption
from badwire.result.judge import judge_again
from badwire.store import run_folder
from badwire.util.text import visible


def check(argv: list[str]) -> int:
    """`badwire check`: judge saved runs again, with the current claims. No file is written."""
    about = "Judge saved evidence again, with the claims as they are now; nothing is written."
    parser = arguments.Parser("check", about)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run's folder, such as runs/timewait/latest")
    parser.add_argument("--json", action="store_true", help="print each result as a line of JSON")
    args = parser.parse_intermixed_args(argv)
    if not args.runs:
        raise BadOption("Name a run's folder to check, such as runs/timewait/latest.")
    folders = [run_folder.find(name) for name in args.runs]  # all are found before the first is judged
    statuses = []
    for folder in folders:
        result = judge_again(folder)
        print_result(result, folder, args.json)
        if result.error is not None:
            print(f"badwire: {visible(result.error)}", file=sys.stderr)
        statuses.append(result.status)
    return worst(statuses)
