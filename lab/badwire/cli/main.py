"""The entry point of `badwire`: calls the command, and reports its errors. Results go to stdout, all else to stderr.

Exit status: 0 all claims hold; 1 a claim fails; 2 the request is wrong; 3 a claim is unknown, or the run ended early;
4 this machine cannot do it; 128 + N after signal N. An error is one sentence with its cause and a way out.
"""

import difflib
import io
import os
import sys

from badwire.cli import commands
from badwire.errors import BadOption, LabError
from badwire.store import run_folder
from badwire.util.crash import report_bug
from badwire.util.signals import Interrupted, interruptible
from badwire.util.text import visible

USAGE = """usage: badwire COMMAND [OPTION...]

  badwire list [--json]       the scenarios, one line each
  badwire run NAME...|all     run scenarios and judge what was seen
  badwire check RUN...        judge saved evidence again
  badwire ledger [RUNS...]    what the course texts say, and what became of it
  badwire report [RUN...]     make the pages of saved runs again
  badwire show RUN            what happened in a run, as text, in tcpdump's words
  badwire doctor [--json]     what this machine can do, found out by trying
  badwire clean               remove what dead runs left
  badwire up                  keep a lab running, for the commands below, from any terminal
  badwire shell HOST          a shell on a host
  badwire run-on HOST PROG... a program on a host
  badwire sockets [--watch]   the hosts' tables of sockets
  badwire fault set|show|...  what the wire does to frames: badwire fault set --toward server delay=50ms loss=10%
  badwire capture --live      frames as they pass, for Wireshark, tshark or tcpdump -r -
  badwire down                end that lab
  badwire kernel build|run    the kernel of the virtual clock: build it, or run a command in it

`badwire COMMAND --help` shows a command's options. Exit status: 0 all claims hold; 1 a claim fails; 2 the request is
wrong; 3 a claim is unknown, or the run broke off; 4 this machine cannot do it."""


def dispatch(argv: list[str]) -> int:
    """Run the command that the first argument names. Raises LabError."""
    if not argv:
        raise BadOption(f"Name a command: {', '.join(commands.COMMANDS)}; `badwire --help` says what each does.")
    name, *rest = argv
    if name in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if name not in commands.COMMANDS:
        near = difflib.get_close_matches(name, commands.COMMANDS, n=1)
        way_out = f"did you mean {near[0]}?" if near else f"there are: {', '.join(commands.COMMANDS)}."
        raise BadOption(f"There is no command {name!r}: {way_out}")
    return commands.COMMANDS[name](rest)


def main(argv: list[str] | None = None) -> int:
    """Run the program `badwire`, and return its exit status. ``argv`` defaults to the arguments of the process."""
    open_what_is_closed()
    try:
        with interruptible():
            status = dispatch(sys.argv[1:] if argv is None else argv)
            sys.stdout.flush()
            return status
    except Interrupted as interrupted:
        return complain(str(interrupted), interrupted.exit_status)
    except LabError as error:
        return complain(str(error), error.exit_status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the flush at exit fails again
        return 141
    except Exception as error:
        if full := run_folder.no_room(error):
            return complain(str(full), full.exit_status)
        return complain(report_bug(error), 3)


def open_what_is_closed() -> None:
    """Open /dev/null as stdin, stdout or stderr if the caller closed it (`>&-`).

    Otherwise the next file that we open would get its number. A character that the encoding of stdout or stderr cannot
    represent is written as a backslash escape.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdout = sys.stdout or io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
    sys.stderr = sys.stderr or io.TextIOWrapper(io.FileIO(2, "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(sentence: str, status: int) -> int:
    """Print an error to stderr, with its control characters made visible, and return ``status``."""
    shown = "\n".join(map(visible, sentence.split("\n")))
    print(f"badwire: {shown}", file=sys.stderr)
    return status
