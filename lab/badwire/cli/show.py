"""`badwire show`: what happened in a saved run, as text."""

import sys

from badwire.cli import arguments
from badwire.evidence.damaged import remains
from badwire.report.story import story
from badwire.report.text import show as lines_of
from badwire.store import run_folder


def show(argv: list[str]) -> int:
    """`badwire show`: print what happened in a saved run, a line for each event. Returns 3 if a part is missing."""
    parser = arguments.Parser("show", "Print what happened in a saved run, with segments as tcpdump prints them.")
    parser.add_argument("run", metavar="RUN", help="a run's folder, such as runs/timewait/latest")
    args = parser.parse_args(argv)
    folder = run_folder.find(args.run)
    found = remains(folder)
    if found.evidence is not None:
        events = story(found.evidence)
        for line in lines_of(events):
            print(line)
        for what in () if found.missing else found.evidence.unseen:
            print(f"badwire: {folder}: there was more than is shown: {what}", file=sys.stderr)
    for sentence in found.missing:
        print(f"badwire: {folder}: {sentence}", file=sys.stderr)
    return 3 if found.missing else 0
