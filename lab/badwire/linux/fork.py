"""A forked process that runs one function and then always exits."""

import os
import sys
import traceback
from collections.abc import Callable


def fork(life: Callable[[], None]) -> int:
    """The pid of a new process that runs ``life``. An exception ends it with status 1 and a traceback on stderr."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        life()
        status = 0
    except BaseException:  # an exception must not unwind the copy of the parent's stack and run its cleanup
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
