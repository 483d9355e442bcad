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
        "runs",
        nargs="*",
        type=Path,
        metavar="RUNS",
        help=f"folders with runs in them (default: {run_folder.DEFAULT})",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it to this file instead of stdout")
    args = parser.parse_intermixed_args(argv)
    folders = args.runs
    if not folders and run_folder.DEFAULT.is_dir():
        folders = [run_folder.DEFAULT]
    book = textbook.read()
    scenarios = [scenario_file.load(name) for name in scenario_file.names()]
    statements = entries(book, scenarios)
    measurements = read_measurements(folders)
    document = render(statements, book.short_versions, measurements)
    if args.out is None:
        print(document, end="")
        return 0
    try:
        args.out.write_text(document, encoding="utf-8")
    except OSError as error:
        raise BadOption(f"{args.out} cannot be written: {error.strerror}; name another file with --out.") from error
    return 0
