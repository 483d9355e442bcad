"""`badwire list`: the names and titles of all scenarios."""

from typing import Any

from badwire.cli import arguments
from badwire.cli.output import print_json
from badwire.errors import RequestError
from badwire.scenario import scenario_file
from badwire.scenario.scenario_file import Scenario


def list_scenarios(argv: list[str]) -> int:
    """`badwire list`: print the names and titles of all scenarios.

    A file that cannot be loaded does not stop the list: its RequestError is raised at the end.
    """
    parser = arguments.Parser("list", "List the scenarios, one line each.")
    parser.add_argument("--json", action="store_true", help="print JSON, with lessons and claims")
    args = parser.parse_args(argv)
    scenarios = []
    errors = []
    for name in scenario_file.names():
        try:
            scenarios.append(scenario_file.load(name))
        except RequestError as error:
            errors.append(error)
    if args.json:
        entries = [_list_entry(scenario) for scenario in scenarios]
        print_json(entries)
    else:
        width = max((len(scenario.name) for scenario in scenarios), default=0)
        for scenario in scenarios:
            print(f"{scenario.name:{width}}  {scenario.title}")
    if errors:
        raise errors[0]
    return 0


def _list_entry(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "file": str(scenario.file),
        "lesson": scenario.lesson,
        "claims": [claim.name for claim in scenario.claims],
        "parameters": dict(scenario.parameters),
    }
