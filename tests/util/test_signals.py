"""A signal is noticed, even when it arrives at the worst moment."""

import signal
import subprocess
import sys

from tests.command_line import environment

# The main thread does not get the signal itself, as if it had come just before it began to wait.
WAITS = """
import os, signal, threading
from badwire.util.signals import Interrupted, interruptible
with interruptible():
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        print("ready", flush=True)
        os.read(os.pipe()[0], 1)
    except Interrupted as interrupted:
        print(interrupted, flush=True)
"""


def test_one_that_comes_just_before_a_call_that_waits() -> None:
    argv = [sys.executable, "-c", WAITS]
    with subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        try:
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert out == "ended by SIGTERM; everything is undone.\n"
