"""`badwire attach`: joins containers that are already running, so that all commands on a lab work on them."""

from badwire import options
from badwire.cli import arguments
from badwire.cli.connect import add_name
from badwire.cli.up import bring_up

ABOUT = """\
Join a Docker Compose project, a network or containers that are already running: set faults between them, capture
their frames, show their sockets. `badwire detach` leaves the network as it was."""


def attach(argv: list[str]) -> int:
    """Join what is named, and return once the lab is up. Raises LabError."""
    parser = arguments.Parser("attach", ABOUT)
    add = parser.add_argument
    add(
        "targets",
        nargs="+",
        metavar="NAME",
        help="a compose project, a network or a container; project:NAME if the name is ambiguous",
    )
    add_name(add)
    add("--network", default="", metavar="NAME", help="the network to join, if the containers share several")
    arguments.add_choice(add, "--engine", options.ENGINES, default="auto")
    add("--seed", type=arguments.seed, default=1, metavar="N", help="the seed of all random numbers (default: 1)")
    arguments.add_env(add)
    arguments.add_snaplen(add)
    arguments.add_out(add, "--out")
    add("--quiet", action="store_true", help="no progress on stderr")
    args = parser.parse_intermixed_args(argv)
    return bring_up(args, attach=args.targets, network=args.network)
