"""`badwire run`: plays scenarios and judges what was recorded."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from badwire.cli import arguments, predict
from badwire.cli.ci_files import CiFiles
from badwire.cli.output import print_run, worst
from badwire.errors import BadOption, MachineError, RequestError
from badwire.report import terminal
from badwire.report.live import progress as live_progress
from badwire.scenario import scenario_file
from badwire.scenario.scenario_file import Scenario
from badwire.store import run_folder

if TYPE_CHECKING:
    from badwire.result.result import RunOutcome
    from badwire.run.runner import Runner


def run(argv: list[str]) -> int:
    """`badwire run`: run scenarios, and return the exit status of the worst result, as `worst` has it.

    A scenario that ends early, or whose file has a mistake, does not stop the others; a cause in this machine does.
    """
    args = _run_parser().parse_intermixed_args(argv)
    options = arguments.options(vars(args).__getitem__)
    run_folder.check(options.out)
    run_all = "all" in args.names
    loaded, mistaken = _named_scenarios(args.names, options.compose)
    scenarios = []
    for scenario in loaded:
        scenarios.append(scenario.with_parameters(options.parameters).with_subjects(options.subjects))
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
