"""Makes the terminal on standard input the controlling terminal of this session, then executes a program.

Run as a program of its own, after every capability is dropped: so none of our code runs between fork and exec.
"""

import fcntl
import os
import sys
import termios

NOT_FOUND = 127  # the exit status that a shell uses (POSIX, Shell Command Language, 2.8.2)


def set_terminal(argv: list[str]) -> None:
    """Execute ``argv`` in place of this process; if it cannot be executed, say so on the terminal and exit."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.stderr.write(f"badwire: {argv[0]}: {error.strerror}\r\n")
        sys.stderr.flush()
        os._exit(NOT_FOUND)


if __name__ == "__main__":
    set_terminal(sys.argv[1:])
