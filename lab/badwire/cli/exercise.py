"""`badwire exercise`: lists the exercises, and shows the task of one."""

from badwire.cli import arguments
from badwire.cli.output import print_json
from badwire.errors import BadOption
from badwire.scenario import exercise_file as exercises
from badwire.util.suggestion import did_you_mean

_USAGE = """usage: badwire exercise list [--json]
       badwire exercise show NAME [--html]

  list    list the exercises, one line each
  show    print the task of one, as it is given to students"""


def exercise(argv: list[str]) -> int:
    """`badwire exercise`: list the exercises, or print the task of one."""
    commands = {"list": _list, "show": _show}
    if argv[:1] in (["-h"], ["--help"]):
        print(_USAGE)
        return 0
    if not argv:
        raise BadOption("Say what to do: badwire exercise list, or badwire exercise show NAME.")
    name, *rest = argv
    if name not in commands:
        hint = did_you_mean(name, commands, otherwise="there are list and show.")
        raise BadOption(f"There is no command exercise {name!r}: {hint}")
    return commands[name](rest)


def _list(argv: list[str]) -> int:
    parser = arguments.Parser("exercise list", "List the exercises, one line each.")
    parser.add_argument("--json", action="store_true", help="print JSON, with tasks and claims")
    args = parser.parse_args(argv)
    found = [exercises.load(name) for name in exercises.names()]
    if args.json:
        print_json([_entry(each) for each in found])
        return 0
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        subjects = ", ".join(each.subjects)
        print(f"{each.name:{width}}  {each.scenario.title} ({subjects}; {each.max_score:g} points)")
    return 0


def _entry(found: exercises.Exercise) -> dict[str, object]:
    return {
        "name": found.name,
        "title": found.scenario.title,
        "file": str(found.scenario.file),
        "task": found.scenario.lesson,
        "subjects": dict(found.subjects),
        "build": dict(found.building.build),
        "claims": [
            {"name": each.name, "title": each.title, "points": each.points, "hint": each.hint, "hidden": each.hidden}
            for each in found.claims
        ],
    }


def _show(argv: list[str]) -> int:
    parser = arguments.Parser("exercise show", "Print the task of an exercise, as it is given to students.")
    parser.add_argument("name", metavar="NAME", help="an exercise (`badwire exercise list`), or a path to its file")
    parser.add_argument("--html", action="store_true", help="print a page of HTML")
    args = parser.parse_args(argv)
    from badwire.grading import pages

    found = exercises.load(args.name)
    print(pages.task_sheet(found) if args.html else pages.task_text(found))
    return 0
