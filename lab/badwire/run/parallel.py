"""Runs scenarios in parallel, each in a process forked from this one, which has already imported the modules."""

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, suppress
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


@dataclass(frozen=True, eq=False)
class Task:
    """What one forked process does.

    Attributes:
        name: begins each line of its progress.
        call: called in the process with a function that sends a step of the progress; what it returns is the result,
            which can be pickled and is neither text nor None.
    """

    name: str
    call: Callable[[Callable[[str], None]], object]


def in_processes(
    tasks: Iterable[Task], jobs: int, report: Callable[[str, str], None]
) -> Generator[tuple[Task, object | None]]:
    """Do tasks, each in a forked process, at most ``jobs`` at a time, and yield each with its result as it ends.

    A process that was killed has None as its result. Closing the generator ends the tasks that have not finished, as
    Ctrl-C does. If this process is killed, the kernel sends SIGTERM to them.

    Args:
        tasks: what to do.
        jobs: how many at a time.
        report: called with a task's name and each step of its progress.

    Raises:
        RuntimeError: an unexpected exception in a process, with its traceback as a note.
    """
    waiting = deque(tasks)
    running: list[TaskProcess] = []
    ending_signal: int = signal.SIGTERM
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(waiting.popleft()))
            for child in _ready(running):
                message = child.receive()
                if isinstance(message, str):
                    report(child.task.name, message)
                    continue
                running.remove(child)
                child.wait()
                if isinstance(message, RuntimeError):
                    raise message
                yield child.task, message
    except Interrupted as interrupted:
        ending_signal = interrupted.number
        raise
    finally:
        for child in running:
            os.kill(child.pid, ending_signal)
        for child in running:
            child.wait()


@dataclass(frozen=True, eq=False)
class TaskProcess:
    """A forked process that does one task, and the connection that it sends its messages to.

    It sends each step of its progress as text, then its result or an unexpected error.
    """

    task: Task
    connection: Connection
    pid: int

    def receive(self) -> object | None:
        """Receive a message; None if the child ended without sending its result."""
        try:
            message: object = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return None
        return message

    def wait(self) -> None:
        """Wait until the child has ended."""
        self.connection.close()
        os.waitpid(self.pid, 0)


def _start(task: Task) -> TaskProcess:
    ours, theirs = Pipe(duplex=False)
    parent = os.getpid()

    def send(message: object) -> None:
        with suppress(BrokenPipeError):  # the parent has ended; the evidence is kept nevertheless
            theirs.send(message)

    def do_and_send() -> None:
        ours.close()
        os.setpgid(0, 0)  # Ctrl-C then reaches only the parent, which sends each child one signal
        with interruptible():
            libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                return
            with suppress(Interrupted):
                try:
                    send(task.call(send))
                except Exception as error:
                    send(_unexpected(task.name, error))

    pid = fork(do_and_send)
    theirs.close()
    return TaskProcess(task, ours, pid)


def _unexpected(name: str, error: Exception) -> RuntimeError:
    """The error that the parent raises after an exception of a task."""
    kind = type(error).__name__
    unexpected = RuntimeError(f"{name}: {kind}: {error}")
    unexpected.add_note(traceback.format_exc())
    return unexpected


def _ready(running: list[TaskProcess]) -> list[TaskProcess]:
    """Wait until children have sent a message or ended, and return these in the order of their start."""
    ready = wait([child.connection for child in running])
    return [child for child in running if child.connection in ready]


def run_each(scenarios: Iterable[Scenario], runner: Runner, jobs: int) -> Generator[RunOutcome]:
    """Run scenarios, at most ``jobs`` at a time, and yield each with its run, in the order in which the runs end.

    With several jobs, each progress line begins with the name of its scenario; see ``in_processes``.

    Raises:
        RuntimeError: an unexpected exception in a forked process, with its traceback as a note.
    """
    if jobs == 1:
        for scenario in scenarios:
            yield scenario, _outcome(scenario, runner)
        return
    by_task = {_task(scenario, runner): scenario for scenario in scenarios}
    with closing(in_processes(by_task, jobs, runner.progress.parallel_step)) as ended:
        for task, result in ended:
            scenario = by_task[task]
            if isinstance(result, Run):
                yield scenario, result
            else:
                killed = RunError(f"the process that ran {scenario.name} was killed; run it again.")
                yield scenario, not_run(scenario, killed)


def _task(scenario: Scenario, runner: Runner) -> Task:
    def call(send: Callable[[str], None]) -> Run:
        runner.progress.output = send
        runner.progress.observer = None
        try:
            return _outcome(scenario, runner)
        except Exception as error:
            disk_full = run_folder.no_room(error)
            if disk_full is None:
                raise
            return not_run(scenario, disk_full)

    return Task(scenario.name, call)


def _outcome(scenario: Scenario, runner: Runner) -> Run:
    """Run a scenario. If it cannot begin, the error is in the Run that is returned."""
    try:
        return runner.run(scenario)
    except LabError as error:
        return not_run(scenario, error)
