"""The command `badwire`."""

from badwire_entry import enter


def main() -> int:
    """Returns the exit status."""
    enter()
    from badwire.cli.main import main

    return main()
