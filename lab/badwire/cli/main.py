"""The entry point of `badwire`: calls the command, and reports its errors. Results go to stdout, all else to stderr.

Exit status: 0 all claims hold; 1 a claim fails; 2 the request is wrong; 3 a claim is unknown, or the run ended early;
4 this machine cannot do it; 128 + N after signal N. An error is one sentence with its cause and a way out.
"""

import io
import os
import signal
import sys

from badwire.cli import commands
from badwire.errors import BadOption, LabError
from badwire.store import run_folder
from badwire.util.crash import report_bug
from badwire.util.signals import Interrupted, interruptible
from badwire.util.suggestion import did_you_mean
from badwire.util.text import visible

USAGE = """usage: badwire COMMAND [OPTION...]

  badwire list [--json]       list the scenarios, one line each
  badwire run NAME...|all     run scenarios and judge what was recorded
  badwire check RUN...        judge saved evidence again
  badwire ledger [RUNS...]    list what the course texts say, and whether it holds
  badwire report [RUN...]     make the pages of saved runs again
  badwire show RUN            print what happened in a run, with segments as tcpdump prints them
  badwire exercise list|show  list the exercises, or print the task of one
  badwire grade NAME DIR...    grade submissions of an exercise, one folder each
  badwire doctor [--json]     test what this machine can do
  badwire clean               remove what killed runs left behind
  badwire up                  keep a lab running for the commands below, in any terminal
  badwire attach NAME...      the same with containers that are already running
  badwire shell HOST          open a shell on a host
  badwire run-on HOST PROG... run a program on a host
  badwire sockets [--watch]   show the hosts' socket tables
  badwire fault set|show|...  set faults on the wire: badwire fault set --toward server delay=50ms loss=10%
  badwire capture --live      write frames as they pass, for Wireshark, tshark or tcpdump -r -
  badwire down, detach        end the lab
  badwire kernel build|run    build the kernel of the virtual clock, or run a command in it

`badwire COMMAND --help` shows a command's options. Exit status: 0 all claims hold; 1 a claim fails; 2 the request is
wrong; 3 a claim is unknown, or the run ended early; 4 this machine cannot do it."""


def dispatch(argv: list[str]) -> int:
    """Run the command that the first argument names. Raises LabError."""
    known = ", ".join(commands.COMMANDS)
    if not argv:
        raise BadOption(f"Name a command: {known}; `badwire --help` says what each does.")
    name, *rest = argv
    if name in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if name not in commands.COMMANDS:
        hint = did_you_mean(name, commands.COMMANDS, otherwise=f"the commands are {known}.")
        raise BadOption(f"There is no command {name!r}: {hint}")
    command = commands.COMMANDS[name]
    return command(rest)


def main(argv: list[str] | None = None) -> int:
    """Run the program `badwire`, and return its exit status. ``argv`` defaults to the arguments of the process."""
    open_standard_streams()
    if argv is None:
        argv = sys.argv[1:]
    try:
        with interruptible():
            status = dispatch(argv)
            sys.stdout.flush()
            return status
    except Interrupted as interrupted:
        return report_error(str(interrupted), interrupted.exit_status)
    except LabError as error:
        return report_error(str(error), error.exit_status)
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())  # else the flush at exit fails again
        return 128 + signal.SIGPIPE
    except Exception as error:
        if isinstance(error, FileNotFoundError):
            try:
                run_folder.check_current_folder()
            except BadOption as removed:
                return report_error(str(removed), removed.exit_status)
        disk_full = run_folder.no_room(error)
        if disk_full is not None:
            return report_error(str(disk_full), disk_full.exit_status)
        return report_error(report_bug(error), 3)


def open_standard_streams() -> None:
    """Open /dev/null as stdin, stdout or stderr if the caller closed it (`>&-`).

    Otherwise the next file that we open would get its number. A character that the encoding of stdout or stderr cannot
    represent is written as a backslash escape.
    """
    while True:
        fd = os.open(os.devnull, os.O_RDWR)
        if fd > 2:
            os.close(fd)
            break
        os.set_inheritable(fd, True)
    sys.stdout = sys.stdout or _text_stream(1)
    sys.stderr = sys.stderr or _text_stream(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _text_stream(fd: int) -> io.TextIOWrapper:
    file = io.FileIO(fd, "w", closefd=False)
    return io.TextIOWrapper(file)


def report_error(text: str, status: int) -> int:
    """Print an error to stderr, with its control characters made visible, and return ``status``."""
    lines = [visible(line) for line in text.split("\n")]
    shown = "\n".join(lines)
    print(f"badwire: {shown}", file=sys.stderr)
    return status
