"""A forked process of ours: one life, which ends there, whatever happens."""

import os
import sys
import traceback
from collections.abc import Callable


def fork(life: Callable[[], None]) -> int:
    """The number of a new process that lives ``life``; an error ends it with status 1 and a traceback on stderr."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        life()
        status = 0
    except BaseException:  # nothing may come back up the parent's stack, whose exits are the parent's to run
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
