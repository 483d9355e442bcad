"""`badwire kernel`: builds the kernel of the virtual clock, and runs any command in it."""

import difflib
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


def command(argv: list[str]) -> int:
    """`badwire kernel build [SOURCE]`: build the kernel, boot it once as a trial, and print which one it is.

    Runs use this kernel from now on. Raises LabError.
    """
    parser = arguments.Parser("kernel build", "Build the kernel of the virtual clock, if it is not there yet.")
    parser.add_argument(
        "source",
        nargs="?",
        type=arguments.folder,
        metavar="SOURCE",
        help=f"a kernel's source tree or an archive of one (the newest {sources.DEBIAN}/linux-source-*.tar.*)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    wants = parser.parse_args(argv)
    from badwire.report.live.progress import Progress

    own = None if wants.source is None else sources.named(wants.source)
    with Progress(quiet=wants.quiet) as progress:
        kernel = build(own or sources.debian(), progress)
        remember(own)
        progress("trying it")
        error = kernels.trial(kernel)
    print(f"Linux {kernel.release}, built from {kernel.source}: {kernel.folder}", flush=True)
    if error is not None:
        raise error
    return 0


def remember(own: KernelSource | None) -> None:
    """Remember the source for the build of a later configuration; None means Debian's. Raises KernelError."""
    link = cache.root() / "source"
    with cache.writing():
        if own is not None:
            cache.link(link, own.path)
        else:
            link.unlink(missing_ok=True)


USAGE = """usage: badwire kernel build [SOURCE]           build the kernel of the virtual clock, if it is not there
       badwire kernel run [OPTION...] -- COMMAND...   run a command in it, as root of its own machine"""


def kernel(argv: list[str]) -> int:
    """`badwire kernel`: call `build` or `run`. Raises LabError."""
    known = {"build": command, "run": run}
    if argv[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if not argv or argv[0] not in known:
        near = difflib.get_close_matches(argv[0], known, n=1) if argv else []
        raise BadOption(f"badwire kernel needs build or run{f', did you mean {near[0]}?' if near else '.'}")
    return known[argv[0]](argv[1:])


def run(argv: list[str]) -> int:
    """`badwire kernel run -- COMMAND...`: run a command in the kernel, and return its exit status. Raises LabError."""
    parser = arguments.Parser(
        "kernel run", "Run a command in the kernel of the virtual clock: as root there, with this machine's files."
    )
    arguments.add_kernel_options(parser.add_argument)
    parser.add_argument(
        "--out", type=arguments.folder, metavar="DIR", help="a folder that the command may write to, as /run/out there"
    )
    parser.add_argument("--docker", action="store_true", help="with a Docker Engine of its own")
    parser.add_argument("command", nargs="*", metavar="COMMAND")
    wants = parser.parse_args(argv)
    if not wants.command:
        raise BadOption(
            "Name a command for the kernel to run, as in `badwire kernel run -- .venv/bin/python -m pytest`."
        )
    from badwire.uml import kernels, scratch
    from badwire.uml.machine import Job, Machine, console_of
    from badwire.uml.paths import environment, here, visible_directories

    def progress(text: str) -> None:
        print(text, file=sys.stderr)

    built = kernels.ensure(progress)
    with ExitStack() as undo:
        folder = wants.out or undo.enter_context(scratch.folder())
        with run_folder.writing(folder, any_error=True):
            folder.mkdir(parents=True, exist_ok=True)
        job = Job(
            command=wants.command,
            cwd=here(),
            environment=environment(os.environ),
            visible=visible_directories(),
            engine=wants.docker,
        )
        disks = []
        if wants.docker:
            from badwire.uml.docker import engine_disk

            disks.append(undo.enter_context(engine_disk.disk_for_run(built, progress)))
        machine = Machine(built, folder, seed=wants.seed, memory=wants.memory, limit=wants.limit, disks=disks)
        try:
            status = machine.run(job, pass_on)
        except LabError as error:
            if wants.out:
                raise
            gone = f"the whole console is in {console_of(folder)}"
            raise type(error)(str(error).replace(gone, "--out DIR keeps the whole console")) from error
    if not isinstance(status, int):
        raise ProgramFailed(f"{wants.command[0]} has no exit status.")
    return status


def pass_on(name: str, data: bytes) -> None:
    """Write the command's output to our own stdout or stderr, whichever ``name`` says."""
    stream = sys.stdout if name == "stdout" else sys.stderr
    stream.buffer.write(data)
    stream.flush()
