"""The command line: `lab list|run|check|...`, see USAGE; results on stdout, all else on stderr.

Exit status: 0 all claims hold; 1 a claim fails; 2 the request is wrong; 3 a claim is unknown, or the run broke off;
4 this machine cannot do it; 128 + N after signal N. An error is one sentence with its cause and the way out.
"""

import difflib
import io
import os
import sys
import tempfile
import traceback

from lab import commands, runs
from lab.errors import BadOption, LabError
from lab.report.visible import visible
from lab.signals import Interrupted, interruptible

USAGE = """usage: lab COMMAND [OPTION...]

  lab list [--json]       the scenarios, one line each
  lab run NAME...|all     run scenarios and judge what was seen
  lab check RUN...        judge saved evidence again
  lab ledger [RUNS...]    what the course texts say, and what became of it
  lab report [RUN...]     make the pages of saved runs again
  lab show RUN            what happened in a run, as text, in tcpdump's words
  lab doctor [--json]     what this machine can do, found out by trying
  lab clean               remove what dead runs left
  lab up                  keep a lab running, for the commands below, from any terminal
  lab shell HOST          a shell on a host
  lab run-on HOST PROG... a program on a host
  lab sockets [--watch]   the hosts' tables of sockets
  lab fault set|show|...  what the wire does to frames: lab fault set --toward server delay=50ms loss=10%
  lab capture --live      frames as they pass, for Wireshark, tshark or tcpdump -r -
  lab down                end that lab
  lab kernel build|run    the kernel of the virtual clock: build it, or run a command in it

`lab COMMAND --help` shows a command's options. Exit status: 0 all claims hold; 1 a claim fails; 2 the request is wrong;
3 a claim is unknown, or the run broke off; 4 this machine cannot do it."""


def dispatch(argv: list[str]) -> int:
    """Carry out one command. Raises LabError."""
    if not argv:
        raise BadOption(f"Name a command: {', '.join(commands.COMMANDS)}; `lab --help` says what each does.")
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
    """The program `lab`; returns the exit status."""
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has seen enough
        return 141
    except Exception as error:
        if full := runs.no_room(error):
            return complain(str(full), full.exit_status)
        return complain(surprise(error), 3)


def open_what_is_closed() -> None:
    """Put nothing where the caller closed stdin, stdout or stderr (`>&-`), before a file of ours gets the number.

    A character that the terminal's encoding does not have is shown by its code.
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
    """One sentence to stderr; what it quotes can do nothing to a terminal."""
    shown = "\n".join(map(visible, sentence.split("\n")))
    print(f"lab: {shown}", file=sys.stderr)
    return status


def surprise(error: Exception) -> str:
    """The sentence for an exception that nobody foresaw, and its traceback in a file."""
    what = f"The lab itself broke: {type(error).__name__}: {error}".splitlines()[0]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="lab-traceback-", suffix=".txt", delete=False) as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{what}."
    return f"{what}; this is a fault of the lab, not yours, and its traceback is in {file.name}."
