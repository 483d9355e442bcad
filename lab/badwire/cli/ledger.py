"""`badwire ledger`: prints what the course texts say, what the claims say about it, and what saved runs measured."""

from pathlib import Path

from badwire.cli import arguments
from badwire.course import textbook
from badwire.course.ledger import entries, render
from badwire.course.measured import read_measurements
from badwire.errors import BadOption
from badwire.scenario import scenario_file
from badwire.store import run_folder


def ledger(argv: list[str]) -> int:
    """Print or write the ledger, from the current claims and the saved runs. Raises LabError.

    A statement that is not tested or does not hold is not an error: the document says so, and the status is 0.
    """
    parser = arguments.Parser("ledger", "What the course texts say, what the claims say, and what saved runs measured.")
    parser.add_argument(
        "runs", nargs="*", metavar="RUNS", help=f"folders with runs in them; default {run_folder.DEFAULT}"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there, and not to stdout")
    wants = parser.parse_intermixed_args(argv)
    bases = [Path(each) for each in wants.runs] or [base for base in (run_folder.DEFAULT,) if base.is_dir()]
    book = textbook.read()
    known = entries(book, (scenario_file.load(name) for name in scenario_file.names()))
    document = render(known, book.short_versions, read_measurements(bases))
    if wants.out is None:
        print(document, end="")
        return 0
    try:
        wants.out.write_text(document, encoding="utf-8")
    except OSError as error:
        raise BadOption(f"{wants.out} cannot be written: {error.strerror}; name another file with --out.") from error
    return 0
