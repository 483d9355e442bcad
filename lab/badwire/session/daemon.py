"""The process that keeps a lab up, in the background: started by `badwire up`, ended by `badwire down` or a signal.

It ends as a run does, with everything undone and a report; killed, it leaves nothing but its note. Until the lab is up
it belongs to `badwire up`, and ends with that.

What is left of a lab that somebody had hands on: a run's folder with a report, like any other.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from badwire.errors import LabError, RunError
from badwire.evidence.damaged import remains
from badwire.options import Options
from badwire.result.judge import BY_HAND
from badwire.result.result import Result
from badwire.run.finish import finish
from badwire.run.real_clock import RealClock
from badwire.scenario import scenario_file
from badwire.session import registry
from badwire.session.connection import Line
from badwire.session.server import Desk
from badwire.store import run_folder
from badwire.testbed.lab import Lab, open_lab
from badwire.topology import compose
from badwire.topology.topology import Topology
from badwire.util import project
from badwire.util.crash import surprise
from badwire.util.signals import Interrupted, interruptible


def report(folder: Path, base: Path, error: LabError | None, began: float) -> list[str]:
    """Judge the instrument, write result and page; sentences about what could not be done. ``began``: monotonic s."""
    try:
        run = finish(folder, BY_HAND, error, began, base)
    except LabError as broken:
        return [str(broken)]
    except Exception as slip:  # the record is there, and the lab's last words are still to be said
        return [surprise(slip)]
    left = remains(folder).evidence
    return _complaints(run.result) if left is not None and left.pcap.frames else []


def _complaints(result: Result) -> list[str]:
    """What the lab finds wrong with itself."""
    return [
        f"about the lab itself: {claim.title}: {check.name}: measured {check.shown or '-'},"
        f" expected {check.wanted} {check.why}".rstrip()
        for claim in result.claims
        if claim.instrument and claim.verdict == "FAILS"
        for check in claim.deciding
    ]


@dataclass(frozen=True)
class Wants:
    """What `badwire up` was asked for. ``hosts`` is how many of each; ``sysctls`` are for all hosts ("") or for one."""

    name: str
    substrate: str
    engine: str
    seed: int
    out: str
    hosts: Mapping[str, int]
    sysctls: Mapping[str, Mapping[str, str]]
    mounts: tuple[str, ...]

    @property
    def topology(self) -> Topology:
        """Raises BadTopology."""
        return compose.load(project.COMPOSE).with_hosts(**self.hosts)

    def settings(self) -> dict[str, dict[str, str]]:
        """Sysctls host by host. Raises BadOption for a host that there is not."""
        names = [host.name for host in self.topology.hosts]
        own = scenario_file.for_each({host: values for host, values in self.sysctls.items() if host}, names)
        return {name: {**self.sysctls.get("", {}), **own.get(name, {})} for name in names}


class Starter:
    """The line to `badwire up`, which waits until the lab is there and takes note of it.

    If it goes before that, by Ctrl-C or worse, the lab is not wanted any more. ``done`` says that it took note.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.done = False
        threading.Thread(target=self._watch, name="starter", daemon=True).start()

    def tell(self, text: str) -> None:
        """Progress."""
        with suppress(OSError):
            self.line.say(progress=text)

    def ready(self, **facts: object) -> None:
        """The lab is up."""
        with suppress(OSError):
            self.line.say(ready=facts)

    def _watch(self) -> None:
        self.done = self.line.hear() is not None
        if not self.done:
            os.kill(os.getpid(), signal.SIGTERM)


def keep(wants: Wants, starter: Starter) -> None:
    """Bring the lab up, keep it until somebody ends it, and leave a report. Raises LabError, Interrupted."""
    topology, settings = wants.topology, wants.settings()
    for told in registry.sweep():
        starter.tell(told)
    with registry.hold(wants.name) as held:
        how = Options(substrate=wants.substrate, engine=wants.engine, seed=wants.seed, out=Path(wants.out))
        substrate = RealClock(how, starter.tell).substrate
        folder, began = run_folder.make(how.out, BY_HAND.name), time.monotonic()
        held.note(folder=str(folder))
        desk = Desk()
        error: LabError | None = None
        try:
            with open_lab(
                topology,
                substrate,
                folder=folder,
                scenario=BY_HAND.name,
                engine=wants.engine,
                seed=wants.seed,
                sysctls=settings,
                mounts=[Path(path) for path in wants.mounts],
                recording=desk.recording,
                progress=starter.tell,
            ) as lab:
                facts = _facts(lab)
                held.note(**facts)
                run_folder.link_latest(folder)
                with desk.open(lab, held.listener):
                    starter.ready(**facts)
                    desk.wait()
        except (LabError, Interrupted) as broken:
            if not starter.done:
                raise
            error = broken if isinstance(broken, LabError) else None
        lacks = report(folder, how.out, error, began)
        desk.farewell(folder=str(folder), error=str(error) if error else "", told=[*desk.troubles(), *lacks])


def _facts(lab: Lab) -> dict[str, object]:
    hosts = {name: host.address for name, host in lab.hosts.items()}
    return {"folder": str(lab.folder), "substrate": lab.substrate, "hosts": hosts}


def main() -> None:
    """Argument: the descriptor of a socket to `badwire up`, whose first message says what is wanted."""
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    asked = line.expect()
    wants = Wants(**{**asked, "mounts": tuple(asked["mounts"])})
    with suppress(Interrupted), interruptible():
        starter = Starter(line)
        try:
            keep(wants, starter)
        except LabError as error:
            line.say_error(error)
        except Exception as error:
            line.say_error(RunError(surprise(error)))


if __name__ == "__main__":
    main()
