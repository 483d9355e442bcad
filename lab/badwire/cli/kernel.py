"""`badwire kernel`: builds, lists, exports and imports kernels of the virtual clock, and runs any command in one."""

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from badwire.cli import arguments
from badwire.errors import BadOption, DiskFull, KernelError, LabError, ProgramFailed
from badwire.store import run_folder
from badwire.uml import archive, cache, kernels
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
    parser = arguments.Parser("kernel build", "Build the kernel of the virtual clock, if there is none yet.")
    parser.add_argument(
        "source",
        nargs="?",
        type=arguments.folder,
        metavar="SOURCE",
        help=f"a kernel's source tree or an archive of one (default: keep the kernel if there is one, else the newest"
        f" of {sources.DEBIAN}/linux-source-*.tar.*)",
    )
    parser.add_argument(
        "--without-docker",
        action="store_true",
        help="a smaller kernel, in which hosts are network namespaces only; it builds faster",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    args = parser.parse_args(argv)
    if args.without_docker and args.source is None:
        raise BadOption("--without-docker needs the SOURCE to build from, as in `badwire kernel build SOURCE`.")
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
            kernel = build(source, progress, docker=not args.without_docker)
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


USAGE = """usage: badwire kernel build [SOURCE]            build the kernel of the virtual clock, if there is none
       badwire kernel list [--json]             the kernels that were built; runs use the first one
       badwire kernel export [--kernel RELEASE] FILE   write a kernel to a file, for other machines
       badwire kernel import FILE               use the kernel in such a file
       badwire kernel run [OPTION...] -- COMMAND...   run a command in the kernel, as its root"""


def kernel(argv: list[str]) -> int:
    """`badwire kernel`: call `build`, `list`, `export`, `import` or `run`. Raises LabError."""
    known = {
        "build": build_kernel,
        "list": list_kernels,
        "export": export_kernel,
        "import": import_kernel,
        "run": run_command,
    }
    if argv[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    action, *rest = argv or [""]
    if action not in known:
        hint = did_you_mean(action, known, otherwise="as in `badwire kernel build`.")
        raise BadOption(f"badwire kernel needs build, list, export, import or run, {hint}")
    return known[action](rest)


def list_kernels(argv: list[str]) -> int:
    """`badwire kernel list`: print the kernels for this version of the lab, the one that runs use first."""
    parser = arguments.Parser("kernel list", "List the kernels of the virtual clock; runs use the first one.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    current = cache.current_kernel()
    entries = []
    for kernel in cache.available():
        entry = {
            "release": kernel.release,
            "used_by_runs": kernel == current,
            "docker": kernel.docker,
            "source": kernel.source,
            "compiler": str(kernel.about.get("compiler", "")),
            "folder": str(kernel.folder),
        }
        entries.append(entry)
    if args.json:
        print(json.dumps(entries, indent=2))
        return 0
    if not entries:
        print("no kernel has been built yet; `make kernel` builds one")
    for entry in entries:
        mark = "runs use it" if entry["used_by_runs"] else f"--kernel {entry['release']}"
        without = "" if entry["docker"] else ", without Docker"
        print(f"Linux {entry['release']:12} {mark:18} built from {entry['source']}{without}: {entry['folder']}")
    return 0


def export_kernel(argv: list[str]) -> int:
    """`badwire kernel export FILE`: write a kernel to one file. Raises LabError."""
    parser = arguments.Parser("kernel export", "Write a kernel to one file, which another machine can import.")
    arguments.add_kernel(parser.add_argument)
    parser.add_argument("file", type=Path, metavar="FILE", help="the file, such as kernel.tar.gz; it is replaced")
    args = parser.parse_args(argv)
    if args.file.exists() and not args.file.is_file():
        raise BadOption(f"{args.file} is not a file; name one, which is replaced, or one that does not exist yet.")
    if not args.kernel and cache.current_kernel() is None:
        raise KernelError("There is no kernel to export; `badwire kernel build` builds one.")
    kernel = kernels.ensure(_print_progress, args.kernel)
    try:
        archive.export(kernel, args.file)
    except OSError as error:
        raise DiskFull(f"{args.file} cannot be written: {error.strerror}; name another file.") from error
    print(f"Linux {kernel.release}: {args.file} ({args.file.stat().st_size / 1e6:.1f} MB)")
    return 0


def import_kernel(argv: list[str]) -> int:
    """`badwire kernel import FILE`: use the kernel that `export` wrote from now on. Raises LabError."""
    about = "Use the kernel in a file that `badwire kernel export` wrote. It is as trustworthy as whoever wrote it."
    parser = arguments.Parser("kernel import", about)
    parser.add_argument("file", type=Path, metavar="FILE", help="the file")
    args = parser.parse_args(argv)
    kernel = archive.import_kernel(args.file, _print_progress)
    error = kernels.trial(kernel)
    print(f"Linux {kernel.release}: {kernel.folder}", flush=True)
    if error is not None:
        raise error
    return 0


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

    built = kernels.ensure(_print_progress, args.kernel, docker=args.docker)
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
        raise ProgramFailed(f"{args.command[0]} has no exit status; run it again.")
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
