"""A forked process that runs one function and then always exits."""

import os
import sys
import traceback
from collections.abc import Callable


def fork(life: Callable[[], None]) -> int:
    """Fork a process that calls ``life`` and then exits; returns its pid.

    Its exit status is 0, or 1 after an exception, whose traceback it prints on stderr.
    """
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        life()
        status = 0
    except BaseException:  # must not propagate into the child's copy of the parent's stack, whose cleanup would run twice
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
