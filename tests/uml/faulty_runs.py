"""Runs in which claims fail: scenarios in which a faulty program takes the place of a right one, or the reverse."""

from pathlib import Path

from badwire.util import project
from tests.uml.catalogue import check

# By the name of the changed scenario: whose file it is, and which program takes the place of which. Each of the
# scenarios about mistakes is among them, with changes with which it comes to its end.
SWAPPED = {
    "one_read_is_right": ("mistakes_in_reading", "echo_one_read", "echo_serial"),
    "serial_is_strlen": ("mistakes_in_reading", "echo_serial", "echo_strlen"),
    "select_is_short_write": ("mistakes_in_sending", "echo_select", "echo_short_write"),
    "greet_is_late": ("mistakes_in_serving", "greet_fork", "greet_fork_late"),
    "fork_has_zombies": ("mistakes_with_children", "echo_fork", "echo_fork_zombies"),
    "open_is_right": ("mistakes_with_children", "echo_fork_open", "echo_fork"),
    "listener_is_right": ("orphaned_children", "echo_fork_listener", "echo_fork"),
    "careful_is_careless": ("mistakes_in_listings", "talk_udp", "talk_udp_whoever"),
}


def file_of(name: str, folder: Path) -> Path:
    """The file of a changed scenario."""
    return folder / f"{name}.py"


def run_swapped(folder: Path) -> None:
    """Write the changed scenarios to the folder, and run each of them: some of its claims fail, and none is unknown."""
    for name, (scenario, program, other) in SWAPPED.items():
        text = (project.SCENARIOS / f"{scenario}.py").read_text(encoding="utf-8")
        changed = text.replace(f'"{program}"', f'"{other}"')
        assert changed != text, f"{scenario} does not run {program}"
        file_of(name, folder).write_text(changed, encoding="utf-8")
    files = [str(file_of(name, folder)) for name in SWAPPED]
    options = ("--clock", "virtual", "--quiet", "--seed", "11", "--out", str(folder / "runs"))
    check("badwire", "run", *files, *options, status=1)
