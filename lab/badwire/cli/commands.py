"""The commands, by name. Each is called with its arguments, returns the exit status, and raises LabError."""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module

from badwire.cli import arguments, predict
from badwire.cli.ci_files import CiFiles
from badwire.cli.output import print_result, print_run
from badwire.errors import BadOption, RequestError, RunError
from badwire.report import terminal
from badwire.report.live import progress as live_progress
from badwire.scenario import scenario_file
from badwire.store import run_folder


def list_scenarios(argv: list[str]) -> int:
    """`badwire list`: print the names and titles of all scenarios.

    A file that cannot be loaded does not stop the list: its RequestError is raised at the end.
    """
    parser = arguments.Parser("list", "The scenarios, one line each.")
    parser.add_argument("--json", action="store_true", help="as JSON, with lessons and claims")
    wants = parser.parse_args(argv)
    found, broken = [], []
    for name in scenario_file.names():
        try:
            found.append(scenario_file.load(name))
        except RequestError as error:
            broken.append(error)
    if wants.json:
        entries = [
            {
                "name": one.name,
                "title": one.title,
                "file": str(one.file),
                "lesson": one.lesson,
                "claims": [claim.name for claim in one.claims],
            }
            for one in found
        ]
        print(json.dumps(entries, indent=2, ensure_ascii=False))
    else:
        width = max((len(one.name) for one in found), default=0)
        for one in found:
            print(f"{one.name:{width}}  {one.title}")
    if broken:
        raise broken[0]
    return 0


def run(argv: list[str]) -> int:
    """`badwire run`: run scenarios, and return the exit status of the worst result, as `worst` has it.

    A scenario that ends early does not stop the others, unless the cause is this machine or the request.
    """
    parser = arguments.Parser("run", "Run scenarios and judge what was seen.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a scenario's name (`badwire list`), a path to its file, or all"
    )
    arguments.add_run_options(parser.add_argument)
    parser.add_argument("--json", action="store_true", help="each run's result as a line of JSON, with its folder")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    arguments.add_ci_options(parser.add_argument)
    wants = parser.parse_intermixed_args(argv)
    if not wants.names:
        raise BadOption(
            f"Name a scenario to run: {', '.join(scenario_file.names())}; as in `make lab SCENARIO=timewait`."
        )
    how = arguments.options(vars(wants).__getitem__)
    everything = "all" in wants.names
    if everything and len(wants.names) > 1:
        raise BadOption("`all` runs every scenario: give it alone, or name those that you want.")
    names = scenario_file.names() if everything else wants.names
    named = [scenario_file.load(name) for name in names]  # all are loaded before the first is run
    left_out = {one.name: why for one in named if everything and (why := one.why_not_on(how.clock))}
    chosen = [one for one in named if one.name not in left_out]
    for one in chosen:
        one.check()
    predictions = predict.ask(chosen) if wants.predict else {}
    from badwire.run.parallel import run_each
    from badwire.run.runner import Runner  # imported late, so that a wrong name is reported sooner

    statuses = []
    ci_files = CiFiles(named, left_out, wants.junit, wants.summary)
    with ci_files, live_progress.Progress(quiet=wants.quiet) as progress:
        runner = Runner(how, progress, progress)
        progress.expect(len(chosen))
        for why in left_out.values():
            progress.say(f"left out: {why}")
        if len(chosen) == 1 and not progress.updating:
            progress.say(f"{chosen[0].name}: {chosen[0].title}")
        with closing(run_each(chosen, runner, min(how.at_once, len(chosen)))) as outcomes:
            for one, done in outcomes:
                ci_files.add((one, done))
                with progress.aside(ended=one.name):
                    statuses.append(print_run(one, done, predictions.get(one.name, ()), wants.json, brief=everything))
                if done.error is not None and not isinstance(done.error, RunError):
                    break  # the cause would stop the next run as well
    if everything and not wants.json:
        print(terminal.count(statuses))
    return worst(statuses)


def check(argv: list[str]) -> int:
    """`badwire check`: judge saved runs again, with the current claims. No file is written."""
    parser = arguments.Parser(
        "check", "Judge saved evidence again, with the claims as they are now; nothing is written."
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run's folder, such as runs/timewait/latest")
    parser.add_argument("--json", action="store_true", help="each result as a line of JSON")
    wants = parser.parse_intermixed_args(argv)
    if not wants.runs:
        raise BadOption("Name a run's folder to check, such as runs/timewait/latest.")
    from badwire.result.judge import judge_again

    statuses = []
    for folder in [run_folder.find(name) for name in wants.runs]:
        result = judge_again(folder)
        print_result(result, folder, wants.json)
        statuses.append(result.status)
    return worst(statuses)


def show_run(argv: list[str]) -> int:
    """`badwire show`: print what happened in a saved run, a line for each event. Returns 3 if a part is missing."""
    parser = arguments.Parser("show", "What happened in a saved run, as text: segments in tcpdump's words.")
    parser.add_argument("run", metavar="RUN", help="a run's folder, such as runs/timewait/latest")
    wants = parser.parse_args(argv)
    from badwire.evidence.damaged import remains
    from badwire.report.story import story
    from badwire.report.text import show as lines

    folder = run_folder.find(wants.run)
    left = remains(folder)
    for line in lines(story(left.evidence)) if left.evidence is not None else ():
        print(line)
    for sentence in left.missing:
        print(f"badwire: {folder}: {sentence}", file=sys.stderr)
    return 3 if left.missing else 0


def doctor(argv: list[str]) -> int:
    """`badwire doctor`: print what this machine can do. Returns 4 if it cannot run scenarios."""
    parser = arguments.Parser("doctor", "What this machine can do, found out by trying.")
    parser.add_argument("--json", action="store_true", help="as JSON")
    wants = parser.parse_args(argv)
    from badwire.maintenance.doctor import examine

    report = examine()
    print(json.dumps(report.to_json(), indent=2, ensure_ascii=False) if wants.json else report.text())
    return report.status


def clean(argv: list[str]) -> int:
    """`badwire clean`: remove what labs, runs and builds left whose process has ended, and print what was removed."""
    arguments.Parser(
        "clean", "Remove what dead runs left: containers, networks, and kernel builds whose process has ended."
    ).parse_args(argv)
    from badwire.maintenance import cleanup
    from badwire.session import registry
    from badwire.uml import cache

    removed = cleanup.clean() + registry.remove_dead() + cache.remove_former()
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
    return next(status for status in (4, 2, 1, 3, 0) if status in statuses)


def lazy(module: str, name: str) -> Callable[[list[str]], int]:
    """Return a command whose module is imported when the command is called."""
    return lambda argv: int(getattr(import_module(module), name)(argv))


COMMANDS: dict[str, Callable[[list[str]], int]] = {
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
    "shell": lazy("badwire.cli.shell", "shell"),
    "run-on": lazy("badwire.cli.run_on", "run_on"),
    "fault": lazy("badwire.cli.fault", "fault"),
    "sockets": lazy("badwire.cli.sockets", "sockets"),
    "capture": lazy("badwire.cli.capture", "capture"),
    "down": lazy("badwire.cli.down", "down"),
}
