"""`lab kernel build`: a kernel from a source and the fragment `config` to a folder in the cache, if it is not there."""

import hashlib
import os
import shutil

from lab import options
from lab.errors import KernelError
from lab.kernel import cache, kernels, needs, preload, sources
from lab.kernel.kernels import Kernel
from lab.kernel.sources import Source
from lab.kernel.work import Tell, Work


def command(argv: list[str]) -> int:
    """`lab kernel build [SOURCE]`: the kernel that runs use from now on, on stdout. Raises LabError."""
    parser = options.Parser("kernel build", "Build the kernel of the virtual clock, if it is not there yet.")
    parser.add_argument(
        "source",
        nargs="?",
        type=options.folder,
        metavar="SOURCE",
        help=f"a kernel's source tree or an archive of one (the newest {sources.DEBIAN}/linux-source-*.tar.*)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    wants = parser.parse_args(argv)
    from lab.report.terminal import Progress

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


def build(source: Source | None, tell: Tell, machine: str | None = None) -> Kernel:
    """The kernel of this source, built if it is not there; runs use it from now on.

    With no source at all it is the one that is there. ``machine`` is the architecture, if it is not this machine's own.

    Raises KernelError or DiskFull.
    """
    needs.check_machine(machine)
    if source is None:
        if there := kernels.cached():
            return there
        raise needs.lack(needs.missing(None))
    with cache.turn(tell) as lock:
        if why := needs.unsuitable(cache.root()):
            raise KernelError(f"The kernel cannot be built in {cache.root()}, which {why}; set XDG_CACHE_HOME.")
        if not source.archived:
            sources.release(source.path, source.path)
        tell(f"reading {source.path}")
        key = hashlib.sha256(f"{cache.configuration()} {source.digest()}".encode()).hexdigest()[:12]
        folder = next((about.parent for about in cache.root().glob(f"[!.]*-{key}/{cache.ABOUT}")), None)
        if folder is None:
            if lacking := needs.missing(source):
                raise needs.lack(lacking)
            if shutil.disk_usage(cache.root()).free < needs.room(source):
                raise cache.full()
            with cache.building() as scratch, (scratch / "log").open("w") as log:
                folder = Work(source, scratch, log, lock, tell).do(key)
        kernel = Kernel(folder)
        if not kernel.seed.exists():
            preload.make(folder)
        os.utime(folder)
        cache.link(cache.current(), folder.name)
        cache.forget_old()
    return kernel


def remember(own: Source | None) -> None:
    """A later configuration is built from the user's own source again; None: from Debian's. Raises KernelError."""
    link = cache.root() / "source"
    with cache.writing():
        if own is not None:
            cache.link(link, own.path)
        else:
            link.unlink(missing_ok=True)
