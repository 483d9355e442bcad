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
    except BaseException:  # an exception must not unwind the parent's frames, whose cleanup would run here too
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
