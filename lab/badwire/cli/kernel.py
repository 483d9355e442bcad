"""`badwire kernel`: builds the kernel of the virtual clock, and runs any command in it."""

import os
import sys
from contextlib import ExitStack

from badwire.cli import arguments
from badwire.errors import BadOption, LabError, ProgramFailed
from badwire.store import run_folder
from badwire.uml import cache, kernels
from badwire.uml.build import sources
from badwire.uml.build.build import build
from badwire.uml.build.sources import KernelSource
from badwire.uml.cache import BuiltKernel
from badwire.util.suggestion import did_you_mean


def build_kernel(argv: list[str]) -> int:
    """`badwire kernel build [SOURCE]`: build the kernel, boot it once as a trial, and print which one it is.

    Runs use this kernel from now on. Without SOURCE, a kernel that is there already is kept, whatever sources have been
    installed since. Raises LabError.
    """
    parser = arguments.Parser("kernel build", "Build the kernel of the virtual clock, if it is not there yet.")
    parser.add_argument(
        "source",
        nargs="?",
        type=arguments.folder,
        metavar="SOURCE",
        help=f"a kernel's source tree or an archive of one (the kernel that is there, else the newest of"
        f" {sources.DEBIAN}/linux-source-*.tar.*)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    args = parser.parse_args(argv)
    from badwire.report.live.progress import Progress

    own = None if args.source is None else sources.named(args.source)
    with Progress(quiet=args.quiet) as progress:
        present = cache.ready_kernel() if own is None else None
        if present is not None:
            kernel = present
            progress.say(f"there is a kernel already; `badwire kernel build SOURCE` builds another{_others(present)}")
        else:
            source = sources.debian_again(cache.last_source()) if own is None else own
            if source is not None:
                progress.say(f"building the kernel from {source.path}")
            kernel = build(source, progress)
            remember(own)
        progress("booting it as a trial")
        error = kernels.trial(kernel)
    print(f"Linux {kernel.release}, built from {kernel.source}: {kernel.folder}", flush=True)
    if error is not None:
        raise error
    return 0


def _others(present: BuiltKernel) -> str:
    """The end of a sentence: the sources of Debian's packages from which this kernel was not built; else empty."""
    others = [str(source.path) for source in sources.all_debian() if str(source.path) != present.source]
    return f", such as {' or '.join(others)}" if others else ""


def remember(own: KernelSource | None) -> None:
    """Remember the source for the build of a later configuration; None means Debian's. Raises KernelError."""
    link = cache.root() / "source"
    with cache.writing():
        if own is None:
            link.unlink(missing_ok=True)
        else:
            cache.link(link, own.path)


USAGE = """usage: badwire kernel build [SOURCE]           build the kernel of the virtual clock, if it is not there
       badwire kernel run [OPTION...] -- COMMAND...   run a command in it, as root of its own machine"""


def kernel(argv: list[str]) -> int:
    """`badwire kernel`: call `build` or `run`. Raises LabError."""
    known = {"build": build_kernel, "run": run_command}
    if argv[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    action, *rest = argv or [""]
    if action not in known:
        hint = did_you_mean(action, known, otherwise="as in `badwire kernel build`.")
        raise BadOption(f"badwire kernel needs build or run, {hint}")
    return known[action](rest)


def run_command(argv: list[str]) -> int:
    """`badwire kernel run -- COMMAND...`: run a command in the kernel, and return its exit status. Raises LabError."""
    args = _run_parser().parse_args(argv)
    if not args.command:
        raise BadOption(
            "Name a command for the kernel to run, as in `badwire kernel run -- .venv/bin/python -m pytest`."
        )
    from badwire.uml import kernels, scratch
    from badwire.uml.machine import Job, Machine, console_of
    from badwire.uml.paths import environment, here, visible_directories

    built = kernels.ensure(_print_progress)
    with ExitStack() as undo:
        folder = args.out or undo.enter_context(scratch.folder())
        with run_folder.writing(folder, any_error=True):
            folder.mkdir(parents=True, exist_ok=True)
        job = Job(
            command=args.command,
            cwd=here(),
            environment=environment(os.environ),
            visible=visible_directories(),
            engine=args.docker,
        )
        disks = []
        if args.docker:
            from badwire.uml.docker import engine_disk

            disks.append(undo.enter_context(engine_disk.disk_for_run(built, _print_progress)))
        machine = Machine(built, folder, seed=args.seed, memory=args.memory, limit=args.limit, disks=disks)
        try:
            status = machine.run(job, pass_on)
        except LabError as error:
            if args.out:
                raise
            # The scratch folder is removed, and the console with it: say how to keep it.
            removed = f"the complete console is in {console_of(folder)}"
            text = str(error).replace(removed, "--out DIR keeps the complete console")
            raise type(error)(text) from error
    if not isinstance(status, int):
        raise ProgramFailed(f"{args.command[0]} has no exit status.")
    return status


def _run_parser() -> arguments.Parser:
    parser = arguments.Parser(
        "kernel run",
        "Run a command in the kernel of the virtual clock: as root there, with this machine's files.",
    )
    arguments.add_kernel_options(parser.add_argument)
    parser.add_argument(
        "--out",
        type=arguments.output_folder,
        metavar="DIR",
        help="a folder that the command may write to, as /run/out there",
    )
    parser.add_argument("--docker", action="store_true", help="with a Docker Engine of its own")
    parser.add_argument("command", nargs="*", metavar="COMMAND")
    return parser


def _print_progress(text: str) -> None:
    print(text, file=sys.stderr)


def pass_on(name: str, data: bytes) -> None:
    """Write the command's output to our own stdout or stderr, whichever ``name`` says."""
    stream = sys.stdout if name == "stdout" else sys.stderr
    stream.buffer.write(data)
    stream.flush()
