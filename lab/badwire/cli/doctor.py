"""`badwire doctor`: what this machine can do."""

from badwire.cli import arguments
from badwire.cli.output import print_json
from badwire.maintenance.doctor import examine
from badwire.session import registry


def doctor(argv: list[str]) -> int:
    """`badwire doctor`: print what this machine can do. Returns 4 if it cannot run scenarios."""
    parser = arguments.Parser("doctor", "Test what this machine can do.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    left = registry.left_behind()
    report = examine()
    if args.json:
        print_json({**report.to_json(), "left": left})
    else:
        print(report.text())
        for sentence in left:
            print(sentence)
    return report.status
