"""The process that keeps a lab up, in the background: started by `lab up`, ended by `lab down` or a signal.

It ends as a run does, with everything undone and a report; killed, it leaves nothing but its note. Until the lab is up
it belongs to `lab up`, and ends with that.
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

from lab import runs, scenario
from lab.cli import surprise
from lab.clock import RealClock
from lab.errors import LabError, RunError
from lab.hands import place
from lab.hands.desk import Desk
from lab.hands.ending import report
from lab.hands.line import Line
from lab.lab import Lab, open_lab
from lab.of_run import BY_HAND
from lab.options import Options
from lab.signals import Interrupted, interruptible
from lab.topology import Topology


@dataclass(frozen=True)
class Wants:
    """What `lab up` was asked for. ``hosts`` is how many of each; ``sysctls`` are for all hosts ("") or for one."""

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
        return Topology.load(scenario.COMPOSE).with_hosts(**self.hosts)

    def settings(self) -> dict[str, dict[str, str]]:
        """Sysctls host by host. Raises BadOption for a host that there is not."""
        names = [host.name for host in self.topology.hosts]
        own = scenario.for_each({host: values for host, values in self.sysctls.items() if host}, names)
        return {name: {**self.sysctls.get("", {}), **own.get(name, {})} for name in names}


class Starter:
    """The line to `lab up`, which waits until the lab is there and takes note of it.

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
    for told in place.sweep():
        starter.tell(told)
    with place.hold(wants.name) as held:
        how = Options(substrate=wants.substrate, engine=wants.engine, seed=wants.seed, out=Path(wants.out))
        substrate = RealClock(how, starter.tell).substrate
        folder, began = runs.make(how.out, BY_HAND.name), time.monotonic()
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
                runs.link_latest(folder)
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
    """Argument: the descriptor of a socket to `lab up`, whose first message says what is wanted."""
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
