"""`badwire grade`: grades submissions of an exercise."""

from contextlib import closing
from pathlib import Path

from badwire.cli import arguments
from badwire.cli.output import print_json
from badwire.cli.paths import relative
from badwire.errors import BadOption
from badwire.grading import containment, submission
from badwire.grading import files as results
from badwire.grading.grade import GRADED, Grade
from badwire.grading.grader import Grader
from badwire.options import CLOCKS, Options
from badwire.report.live import progress as live_progress
from badwire.scenario import exercise_file as exercises
from badwire.store import run_folder
from badwire.substrate import select
from badwire.util import files
from badwire.util.text import visible

_OUT = Path("grades")
_NOT_JUDGED = 3  # exit status


def grade(argv: list[str]) -> int:
    """`badwire grade`: grade submissions. Returns 0 if all were judged, however many points they have, else 3."""
    args = _parser().parse_intermixed_args(argv)
    if not args.submissions:
        raise BadOption("Name the submissions to grade: folders that each hold one.")
    exercise = exercises.load(args.exercise)
    submissions = submission.found(args.submissions)
    if args.gradescope is not None and len(submissions) != 1:
        raise BadOption("--gradescope is for one submission; grades.json has all of them.")
    options = Options(
        substrate=args.substrate,
        clock=args.clock,
        kernel=args.kernel,
        seed=args.seed,
        out=args.out,
        memory=exercise.building.memory,
        limit=args.timeout or exercise.building.run_seconds,
        jobs=args.jobs,
    )
    if args.timeout and args.clock != "virtual":
        raise BadOption("--timeout ends a kernel of the virtual clock; on the real clock the exercise's own waits do.")
    containment.check(options, args.trusted)
    run_folder.check(options.out)
    grades: dict[str, Grade] = {}
    with live_progress.Progress(quiet=args.quiet) as progress:
        grader = Grader(exercise, options, progress)
        jobs = min(options.at_once, len(submissions))
        with closing(grader.grade_all(submissions, jobs, progress.parallel_step)) as ended:
            for graded in ended:
                made = graded.grade
                grades[made.submission] = made
                before = ", graded before" if graded.is_former else ""
                count = f"{len(grades)} of {len(submissions)}"
                progress.say(f"{count}: {visible(made.submission)}: {_score(made)}{before}")
    in_order = [grades[name] for name in submissions]
    if args.junit is not None:
        with run_folder.writing(args.junit):
            files.atomic_write(args.junit, results.junit(exercise, in_order))
    if args.gradescope is not None:
        with run_folder.writing(args.gradescope):
            results.write_json(args.gradescope, results.gradescope(in_order[0]))
    if args.json:
        print_json([made.to_json() for made in in_order])
    else:
        _print_table(in_order)
        print(relative(options.out / results.CSV))
    return 0 if all(made.status == GRADED for made in in_order) else _NOT_JUDGED


def _print_table(grades: list[Grade]) -> None:
    width = max(len(visible(made.submission)) for made in grades)
    for made in grades:
        lost = [claim.name for claim in made.claims if claim.score is not None and claim.score < claim.points]
        note = made.reason_in_one_line
        if not note and lost:
            note = f"lost: {', '.join(lost)}"
        unknown = [claim.name for claim in made.claims if claim.score is None]
        if not made.reason and unknown:
            note += f"{'; ' if note else ''}not judged: {', '.join(unknown)}"
        print(f"{visible(made.submission):{width}}  {_score(made):>14}  {visible(note)}".rstrip())


def _score(made: Grade) -> str:
    text = f"{results.number(made.score)} of {results.number(made.max_score)}"
    return text if made.status == GRADED else f"{text}, not judged"


def _parser() -> arguments.Parser:
    parser = arguments.Parser("grade", "Grade submissions of an exercise.")
    add = parser.add_argument
    add("exercise", metavar="EXERCISE", help="its name (`badwire exercise list`), or a path to its file")
    add("submissions", nargs="*", metavar="SUBMISSION", help="a folder that holds one submission")
    add("--jobs", type=arguments.count, default=None, metavar="N", help="submissions at a time (default: as for run)")
    add("--seed", type=arguments.seed, default=1, metavar="N", help="the seed of all random numbers (default: 1)")
    add(
        "--timeout",
        type=arguments.positive,
        default=None,
        metavar="SECONDS",
        help="real time after which a run on the virtual clock is ended (default: the exercise's)",
    )
    add("--out", type=arguments.output_folder, default=_OUT, metavar="DIR", help="where grades go (default: grades)")
    arguments.add_choice(
        add,
        "--clock",
        CLOCKS,
        default="virtual",
        help="that of the lab's own kernel, which contains the programs, or this machine's (default: virtual)",
    )
    arguments.add_choice(add, "--substrate", select.NAMES, default="auto", help="where hosts live")
    arguments.add_kernel(add)
    add(
        "--trusted",
        action="store_true",
        help="you know the submissions: build and run them although they are not contained",
    )
    add("--junit", type=Path, metavar="FILE", help="write the grades as JUnit XML")
    add("--gradescope", type=Path, metavar="FILE", help="write Gradescope's results.json, for one submission")
    add("--json", action="store_true", help="print the grades as JSON")
    add("--quiet", action="store_true", help="no progress on stderr")
    return parser
