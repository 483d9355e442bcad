"""`lab kernel`: builds the kernel of the virtual clock, and runs any command in it."""

import difflib
import os
import sys
from contextlib import ExitStack

from lab import options, runs
from lab.errors import BadOption, LabError, ProgramFailed

USAGE = """usage: lab kernel build [SOURCE]           build the kernel of the virtual clock, if it is not there
       lab kernel run [OPTION...] -- COMMAND...   run a command in it, as root of its own machine"""


def kernel(argv: list[str]) -> int:
    """`lab kernel build|run`. Raises LabError."""
    known = {"build": build, "run": run}
    if argv[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    if not argv or argv[0] not in known:
        near = difflib.get_close_matches(argv[0], known, n=1) if argv else []
        raise BadOption(f"lab kernel needs build or run{f', did you mean {near[0]}?' if near else '.'}")
    return known[argv[0]](argv[1:])


def build(argv: list[str]) -> int:
    """`lab kernel build [SOURCE]`."""
    from lab.kernel.build import command

    return command(argv)


def run(argv: list[str]) -> int:
    """`lab kernel run -- COMMAND...`: the command's own exit status, its output as it comes."""
    parser = options.Parser(
        "kernel run", "Run a command in the kernel of the virtual clock: as root there, with this machine's files."
    )
    options.add_kernel_options(parser.add_argument)
    parser.add_argument(
        "--out", type=options.folder, metavar="DIR", help="a folder that the command may write to, as /run/out there"
    )
    parser.add_argument("--docker", action="store_true", help="with a Docker Engine of its own")
    parser.add_argument("command", nargs="*", metavar="COMMAND")
    wants = parser.parse_args(argv)
    if not wants.command:
        raise BadOption("Name a command for the kernel to run, as in `lab kernel run -- .venv/bin/python -m pytest`.")
    from lab.kernel import kernels, scratch
    from lab.kernel.box import Box, Job
    from lab.kernel.kept import console_of
    from lab.kernel.places import environment, here, places

    def tell(text: str) -> None:
        print(text, file=sys.stderr)

    built = kernels.ensure(tell)
    with ExitStack() as undo:
        folder = wants.out or undo.enter_context(scratch.folder())
        with runs.writing(folder, whatever=True):
            folder.mkdir(parents=True, exist_ok=True)
        job = Job(
            command=wants.command,
            cwd=here(),
            environment=environment(os.environ),
            visible=places(),
            engine=wants.docker,
        )
        disks = []
        if wants.docker:
            from lab.kernel import engine_disk

            disks.append(undo.enter_context(engine_disk.lent(built, tell)))
        box = Box(built, folder, seed=wants.seed, memory=wants.memory, limit=wants.limit, disks=disks)
        try:
            status = box.run(job, pass_on)
        except LabError as error:
            if wants.out:
                raise
            gone = f"the whole console is in {console_of(folder)}"
            raise type(error)(str(error).replace(gone, "--out DIR keeps the whole console")) from error
    if not isinstance(status, int):
        raise ProgramFailed(f"{wants.command[0]} has no exit status.")
    return status


def pass_on(name: str, data: bytes) -> None:
    """What the command writes, where it would have gone."""
    stream = sys.stdout if name == "stdout" else sys.stderr
    stream.buffer.write(data)
    stream.flush()
