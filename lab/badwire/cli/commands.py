"""The commands, by name. Each is called with its arguments, returns the exit status, and raises LabError."""

import json
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from badwire.cli import arguments, predict
from badwire.cli.ci_files import CiFiles
from badwire.cli.output import print_result, print_run
from badwire.errors import BadOption, MachineError, RequestError
from badwire.report import terminal
from badwire.report.live import progress as live_progress
from badwire.scenario import scenario_file
from badwire.scenario.scenario_file import Scenario
from badwire.store import run_folder
from badwire.util.text import visible

if TYPE_CHECKING:
    from badwire.result.result import RunOutcome
    from badwire.run.runner import Runner

# Gets its arguments, and returns the exit status.
Command = Callable[[list[str]], int]


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
        _print_json(entries)
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


def _print_json(value: object) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(text)


def run(argv: list[str]) -> int:
    """`badwire run`: run scenarios, and return the exit status of the worst result, as `worst` has it.

    A scenario that ends early, or whose file has a mistake, does not stop the others; a cause in this machine does.
    """
    args = _run_parser().parse_intermixed_args(argv)
    options = arguments.options(vars(args).__getitem__)
    run_folder.check(options.out)
    run_all = "all" in args.names
    loaded, mistaken = _named_scenarios(args.names, options.compose)
    scenarios = [scenario.with_parameters(options.parameters) for scenario in loaded]
    left_out: dict[str, str] = {}
    if run_all:
        left_out = _not_on_clock(scenarios, options.clock)
    chosen = [scenario for scenario in scenarios if scenario.name not in left_out]
    predictions = predict.ask(chosen) if args.predict else {}
    statuses = []
    named = [*(scenario for scenario, _ in mistaken), *scenarios]
    ci_files = CiFiles(named, left_out, args.junit, args.summary)
    with ci_files, live_progress.Progress(quiet=args.quiet) as progress:
        for scenario, outcome in mistaken:
            ci_files.add((scenario, outcome))
            statuses.append(print_run(scenario, outcome, (), args.json, brief=run_all))
        if not chosen:
            return worst(statuses)
        from badwire.run.runner import Runner  # imported late, so that a mistake is reported sooner

        # All kernels are there before the first run begins.
        runners = [Runner(replace(options, kernel=kernel), progress, progress) for kernel in options.kernel.split(",")]
        progress.expect(len(chosen) * len(runners))
        for why in left_out.values():
            progress.say(f"left out: {why}")
        if len(chosen) == 1 and not progress.updating:
            only = chosen[0]
            progress.say(f"{only.name}: {only.title}")
        jobs = min(options.at_once, len(chosen))
        with closing(_run_on_each(runners, chosen, jobs)) as outcomes:
            for scenario, outcome in outcomes:
                ci_files.add((scenario, outcome))
                predicted = predictions.get(scenario.name, ())
                with progress.aside(ended=scenario.name):
                    status = print_run(scenario, outcome, predicted, args.json, brief=run_all)
                statuses.append(status)
                if isinstance(outcome.error, MachineError):
                    break  # the cause would stop the next run as well
    if run_all and not args.json:
        print(terminal.count(statuses))
    return worst(statuses)


def _run_on_each(runners: list["Runner"], scenarios: list[Scenario], jobs: int) -> Generator["RunOutcome"]:
    """Run the scenarios on one kernel after the other, as ``run_each`` does."""
    from badwire.run.parallel import run_each

    for runner in runners:
        yield from run_each(scenarios, runner, jobs)


def _run_parser() -> arguments.Parser:
    parser = arguments.Parser("run", "Run scenarios and judge what was recorded.")
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="a scenario's name (`badwire list`), a path to its file, or all")
    arguments.add_run_options(add)
    add("--json", action="store_true", help="print each run's result as a line of JSON, with its folder")
    add("--quiet", action="store_true", help="no progress on stderr")
    arguments.add_ci_options(add)
    return parser


def _named_scenarios(names: list[str], compose: Path | None) -> tuple[list[Scenario], list["RunOutcome"]]:
    """Load the scenarios that were named on the command line, or all, with the hosts of a compose file.

    Returns:
        The scenarios, and those whose file has a mistake, each with a run that could not begin.

    Raises:
        RequestError: a name is wrong.
    """
    known = scenario_file.names()
    if not names:
        raise BadOption(f"Name a scenario to run: {', '.join(known)}; as in `make lab SCENARIO=timewait`.")
    if names == ["all"]:
        names = known
    elif "all" in names:
        raise BadOption("`all` runs every scenario: give it alone, or name those that you want.")
    files = [scenario_file.find(name) for name in names]  # all are found before the first is loaded
    scenarios: list[Scenario] = []
    mistaken: list[RunOutcome] = []
    for file in files:
        scenario = scenario_file.not_loaded(file)
        try:
            scenario = scenario_file.load(str(file), compose)
            scenario.check()
        except RequestError as error:
            from badwire.run.finish import not_run  # few files have a mistake

            mistaken.append((scenario, not_run(scenario, error)))
        else:
            scenarios.append(scenario)
    return scenarios, mistaken


def _not_on_clock(scenarios: list[Scenario], clock: str) -> dict[str, str]:
    """The reason for each scenario that cannot run on this clock, by its name."""
    reasons = {}
    for scenario in scenarios:
        why = scenario.why_not_on(clock)
        if why:
            reasons[scenario.name] = why
    return reasons


def check(argv: list[str]) -> int:
    """`badwire check`: judge saved runs again, with the current claims. No file is written."""
    about = "Judge saved evidence again, with the claims as they are now; nothing is written."
    parser = arguments.Parser("check", about)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run's folder, such as runs/timewait/latest")
    parser.add_argument("--json", action="store_true", help="print each result as a line of JSON")
    args = parser.parse_intermixed_args(argv)
    if not args.runs:
        raise BadOption("Name a run's folder to check, such as runs/timewait/latest.")
    from badwire.result.judge import judge_again

    folders = [run_folder.find(name) for name in args.runs]  # all are found before the first is judged
    statuses = []
    for folder in folders:
        result = judge_again(folder)
        print_result(result, folder, args.json)
        if result.error is not None:
            print(f"badwire: {visible(result.error)}", file=sys.stderr)
        statuses.append(result.status)
    return worst(statuses)


def show_run(argv: list[str]) -> int:
    """`badwire show`: print what happened in a saved run, a line for each event. Returns 3 if a part is missing."""
    parser = arguments.Parser("show", "Print what happened in a saved run, with segments as tcpdump prints them.")
    parser.add_argument("run", metavar="RUN", help="a run's folder, such as runs/timewait/latest")
    args = parser.parse_args(argv)
    from badwire.evidence.damaged import remains
    from badwire.report.story import story
    from badwire.report.text import show

    folder = run_folder.find(args.run)
    found = remains(folder)
    if found.evidence is not None:
        events = story(found.evidence)
        for line in show(events):
            print(line)
        for what in () if found.missing else found.evidence.unseen:
            print(f"badwire: {folder}: there was more than is shown: {what}", file=sys.stderr)
    for sentence in found.missing:
        print(f"badwire: {folder}: {sentence}", file=sys.stderr)
    return 3 if found.missing else 0


def doctor(argv: list[str]) -> int:
    """`badwire doctor`: print what this machine can do. Returns 4 if it cannot run scenarios."""
    parser = arguments.Parser("doctor", "Test what this machine can do.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    from badwire.maintenance.doctor import examine

    report = examine()
    if args.json:
        _print_json(report.to_json())
    else:
        print(report.text())
    return report.status


def clean(argv: list[str]) -> int:
    """`badwire clean`: remove what labs, runs and builds whose process has ended left behind, and print what it was."""
    about = "Remove what killed runs left: containers, networks, temporary folders, and unfinished kernel builds."
    arguments.Parser("clean", about).parse_args(argv)
    from badwire.maintenance import cleanup
    from badwire.session import registry

    removed = cleanup.clean()
    removed += registry.remove_dead()
    for sentence in removed:
        print(sentence)
    if not removed:
        print("nothing to remove")
    return 0


def worst(statuses: list[int]) -> int:
    """Return one exit status for several runs.

    It is the first of these that a run has: 4 (this machine cannot do it), 2 (the request is wrong), 1 (a claim
    fails), 3 (a claim is unknown), 0.
    """
    worst_first = (4, 2, 1, 3, 0)
    return min(statuses, key=worst_first.index)


def lazy(module: str, name: str) -> Command:
    """Return a command whose module is imported when the command is called."""

    def call(argv: list[str]) -> int:
        command = getattr(import_module(module), name)
        return int(command(argv))

    return call


COMMANDS: dict[str, Command] = {
    "list": list_scenarios,
    "run": run,
    "check": check,
    "show": show_run,
    "report": lazy("badwire.cli.report", "report"),
    "ledger": lazy("badwire.cli.ledger", "ledger"),
    "doctor": doctor,
    "clean": clean,
    "kernel": lazy("badwire.cli.kernel", "kernel"),
    "up": lazy("badwire.cli.up", "up"),
    "attach": lazy("badwire.cli.attach", "attach"),
    "shell": lazy("badwire.cli.shell", "shell"),
    "run-on": lazy("badwire.cli.run_on", "run_on"),
    "fault": lazy("badwire.cli.fault", "fault"),
    "sockets": lazy("badwire.cli.sockets", "sockets"),
    "capture": lazy("badwire.cli.capture", "capture"),
    "down": lazy("badwire.cli.down", "down"),
    "detach": lazy("badwire.cli.down", "down"),
}
