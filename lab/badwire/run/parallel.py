"""Runs scenarios in parallel, each in a process forked from this one, which has already imported the modules."""

import os
import signal
import traceback
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
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
    running: list[ScenarioProcess] = []
    ending_signal: int = signal.SIGTERM
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                scenario = waiting.popleft()
                running.append(_start(scenario, runner))
            for child in _ready(running):
                scenario = child.scenario
                message = child.receive()
                if isinstance(message, str):
                    runner.progress.parallel_step(scenario.name, message)
                    continue
                running.remove(child)
                child.wait()
                if isinstance(message, RuntimeError):
                    raise message
                if message is None:
                    killed = RunError(f"the process that ran {scenario.name} was killed; run it again.")
                    message = not_run(scenario, killed)
                yield scenario, message
    except Interrupted as interrupted:
        ending_signal = interrupted.number
        raise
    finally:
        for child in running:
            os.kill(child.pid, ending_signal)
        for child in running:
            child.wait()


# What a child sends: each step of its progress, then its run or an unexpected error.
ChildMessage = str | Run | RuntimeError


@dataclass(frozen=True, eq=False)
class ScenarioProcess:
    """A forked process that runs one scenario, and the connection that it sends its messages to."""

    scenario: Scenario
    connection: Connection
    pid: int

    def receive(self) -> ChildMessage | None:
        """Receive a message; None if the child ended without sending its run."""
        try:
            message: ChildMessage = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return None
        return message

    def wait(self) -> None:
        """Wait until the child has ended."""
        self.connection.close()
        os.waitpid(self.pid, 0)


def _start(scenario: Scenario, runner: Runner) -> ScenarioProcess:
    ours, theirs = Pipe(duplex=False)
    parent = os.getpid()

    def send(message: ChildMessage) -> None:
        with suppress(BrokenPipeError):  # the parent has ended; the evidence is kept nevertheless
            theirs.send(message)

    def run_and_send() -> None:
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
                except Exception as error:
                    send(_after_exception(scenario, error))

    pid = fork(run_and_send)
    theirs.close()
    return ScenarioProcess(scenario, ours, pid)


def _after_exception(scenario: Scenario, error: Exception) -> Run | RuntimeError:
    """What to send after an exception: a Run if the disk is full, else an error that the parent raises."""
    disk_full = run_folder.no_room(error)
    if disk_full is not None:
        return not_run(scenario, disk_full)
    kind = type(error).__name__
    unexpected = RuntimeError(f"{scenario.name}: {kind}: {error}")
    unexpected.add_note(traceback.format_exc())
    return unexpected


def _outcome(scenario: Scenario, runner: Runner) -> Run:
    """Run a scenario. If it cannot begin, the error is in the Run that is returned."""
    try:
        return runner.run(scenario)
    except LabError as error:
        return not_run(scenario, error)


def _ready(running: list[ScenarioProcess]) -> list[ScenarioProcess]:
    """Wait until children have sent a message or ended, and return these in the order of their start."""
    ready = wait([child.connection for child in running])
    return [child for child in running if child.connection in ready]
