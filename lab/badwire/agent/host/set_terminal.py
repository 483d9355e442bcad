"""Makes the terminal on standard input that of this session, and becomes the program that is named.

Run as a program of its own, after every right is given up: between fork and exec nothing of ours has to run.
"""

import fcntl
import os
import sys
import termios

NOT_FOUND = 127  # as a shell has it (POSIX, Shell Command Language, 2.8.2)


def sit(argv: list[str]) -> None:
    """Returns never: a program that cannot be executed is told of on the terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.stderr.write(f"badwire: {argv[0]}: {error.strerror}\r\n")
        sys.stderr.flush()
        os._exit(NOT_FOUND)


if __name__ == "__main__":
    sit(sys.argv[1:])
