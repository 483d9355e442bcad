"""`badwire clean`: removes what dead runs left."""

from badwire.cli import arguments
from badwire.maintenance import cleanup
from badwire.session import registry


def clean(argv: list[str]) -> int:
    """`badwire clean`: remove what labs, runs and builds whose process has ended left behind, and print what it was."""
    about = "Remove what killed runs left: containers, networks, temporary folders, and unfinished kernel builds."
    arguments.Parser("clean", about).parse_args(argv)
    removed = cleanup.clean()
    removed += registry.remove_dead()
    for sentence in removed:
        print(sentence)
    if not removed:
        print("nothing to remove")
    return 0
