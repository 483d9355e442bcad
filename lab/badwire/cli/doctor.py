"""`badwire doctor`: what this machine can do."""

from badwire.cli import arguments
from badwire.cli.output import print_json
from badwire.maintenance.doctor import examine


def doctor(argv: list[str]) -> int:
    """`badwire doctor`: print what this machine can do. Returns 4 if it cannot run scenarios."""
    parser = arguments.Parser("doctor", "Test what this machine can do.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    report = examine()
    if args.json:
        print_json(report.to_json())
    else:
        print(report.text())
    return report.status
