"""Several scenarios at once, each in a process forked from this one, which has imported all that they need."""

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
    """Run them, at most ``jobs`` at a time, and give each with its outcome in the order in which they end.

    What is told of one while others run begins with its name. Whoever closes the generator ends what still runs, in
    good order; when this process is killed, they end themselves.
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
                said = _hear(ours)
                if isinstance(said, str):
                    runner.tell.of(running[ours][0].name, said)
                    continue
                scenario, pid = running.pop(ours)
                ours.close()
                os.waitpid(pid, 0)
                if isinstance(said, RuntimeError):
                    raise said
                killed = RunError(f"the process that ran {scenario.name} was killed; run it again.")
                yield scenario, said or not_run(scenario, killed)
    except Interrupted as interrupted:
        number = interrupted.number
        raise
    finally:
        _end(running, number)


def _start(scenario: Scenario, runner: Runner) -> tuple[Connection, int]:
    ours, theirs = Pipe(duplex=False)
    parent = os.getpid()

    def say(what: str | Run | RuntimeError) -> None:
        with suppress(BrokenPipeError):  # nobody listens any more; what is seen is kept all the same
            theirs.send(what)

    def life() -> None:
        ours.close()
        os.setpgid(0, 0)  # Ctrl-C is for the process above, which then ends each of these once
        with interruptible():
            libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                return
            runner.tell.to, runner.tell.watcher = say, None
            with suppress(Interrupted):
                try:
                    say(_outcome(scenario, runner))
                except Exception as error:  # nobody foresaw it: the process above tells, as for a single run
                    if full := run_folder.no_room(error):
                        say(not_run(scenario, full))
                        return
                    broke = RuntimeError(f"{scenario.name}: {type(error).__name__}: {error}")
                    broke.add_note(traceback.format_exc())
                    say(broke)

    pid = fork(life)
    theirs.close()
    return ours, pid


def _outcome(scenario: Scenario, runner: Runner) -> Run:
    """Run it; what could not begin is a run too, with the reason."""
    try:
        return runner.run(scenario)
    except LabError as error:
        return not_run(scenario, error)


def _ready(running: Iterable[Connection]) -> list[Connection]:
    """Those that have something to say; waits until one has."""
    talking = wait(list(running))
    return [each for each in running if each in talking]


def _hear(ours: Connection) -> str | Run | RuntimeError | None:
    """What it tells, how it ended, or None when it ended without a word."""
    try:
        said: str | Run | RuntimeError = ours.recv()
    except (EOFError, ConnectionResetError):
        return None
    return said


def _end(running: dict[Connection, tuple[Scenario, int]], number: int) -> None:
    for _, pid in running.values():
        os.kill(pid, number)
    for ours, (_, pid) in running.items():
        ours.close()
        os.waitpid(pid, 0)
