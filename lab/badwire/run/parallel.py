"""Runs scenarios in parallel, each in a process forked from this one, which has already imported the modules."""

import os
import signal
import traceback
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait

from badwire.errors import LabError, RunError
from badwire.linux import libc
from badwire.linux.fork import fork
from badwire.result.result import Run, RunOutcome
from badwire.run.finish import not_run
from badwire.run.runner import Runner
from badwire.scenario.scenario_file import Scenario
from badwire.store import run_folder
from badwire.util.signals import Interrupted, interruptible


def run_each(scenarios: Iterable[Scenario], runner: Runner, jobs: int) -> Generator[RunOutcome]:
    """Run scenarios, at most ``jobs`` at a time, and yield each with its run, in the order in which the runs end.

    With several jobs, each progress line begins with the name of its scenario. Closing the generator ends the runs
    that have not finished, as Ctrl-C does. If this process is killed, the kernel sends SIGTERM to them.

    Raises:
        RuntimeError: an unexpected exception in a forked process, with its traceback as a note.
    """
    waiting = deque(scenarios)
    if jobs == 1:
        while waiting:
            scenario = waiting.popleft()
            yield scenario, _outcome(scenario, runner)
        return
    running: dict[Connection, tuple[Scenario, int]] = {}
    number: int = signal.SIGTERM
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                scenario = waiting.popleft()
                ours, pid = _start(scenario, runner)
                running[ours] = scenario, pid
            for ours in _ready(running):
                message = _receive(ours)
                if isinstance(message, str):
                    runner.progress.parallel_step(running[ours][0].name, message)
                    continue
                scenario, pid = running.pop(ours)
                ours.close()
                os.waitpid(pid, 0)
                if isinstance(message, RuntimeError):
                    raise message
                killed = RunError(f"the process that ran {scenario.name} was killed; run it again.")
                yield scenario, message or not_run(scenario, killed)
    except Interrupted as interrupted:
        number = interrupted.number
        raise
    finally:
        _end(running, number)


def _start(scenario: Scenario, runner: Runner) -> tuple[Connection, int]:
    ours, theirs = Pipe(duplex=False)
    parent = os.getpid()

    def send(message: str | Run | RuntimeError) -> None:
        with suppress(BrokenPipeError):  # the parent has ended; the evidence is kept nevertheless
            theirs.send(message)

    def child() -> None:
        ours.close()
        os.setpgid(0, 0)  # Ctrl-C then reaches only the parent, which sends each child one signal
        with interruptible():
            libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                return
            runner.progress.output = send
            runner.progress.observer = None
            with suppress(Interrupted):
                try:
                    send(_outcome(scenario, runner))
                except Exception as error:  # unexpected: the parent reports it, as it does for a single run
                    if full := run_folder.no_room(error):
                        send(not_run(scenario, full))
                        return
                    broke = RuntimeError(f"{scenario.name}: {type(error).__name__}: {error}")
                    broke.add_note(traceback.format_exc())
                    send(broke)

    pid = fork(child)
    theirs.close()
    return ours, pid


def _outcome(scenario: Scenario, runner: Runner) -> Run:
    """Run a scenario. If it cannot begin, the error is in the Run that is returned."""
    try:
        return runner.run(scenario)
    except LabError as error:
        return not_run(scenario, error)


def _ready(running: Iterable[Connection]) -> list[Connection]:
    """Wait until children have sent a message or ended, and return their connections in the order of their start."""
    ready = wait(list(running))
    return [connection for connection in running if connection in ready]


def _receive(ours: Connection) -> str | Run | RuntimeError | None:
    """Receive a progress step, the run, or an unexpected error; None if the child ended without sending its run."""
    try:
        message: str | Run | RuntimeError = ours.recv()
    except (EOFError, ConnectionResetError):
        return None
    return message


def _end(running: dict[Connection, tuple[Scenario, int]], number: int) -> None:
    for _, pid in running.values():
        os.kill(pid, number)
    for ours, (_, pid) in running.items():
        ours.close()
        os.waitpid(pid, 0)
