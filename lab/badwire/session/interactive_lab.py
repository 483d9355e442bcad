"""A lab that commands use: the lab, its recorder, and the faults that commands have set."""

import difflib
from dataclasses import dataclass

from badwire.errors import BadOption
from badwire.session.faults import SessionFaults
from badwire.session.recorder import SessionRecorder
from badwire.testbed.host import Host
from badwire.testbed.lab import Lab


@dataclass(frozen=True)
class InteractiveLab:
    """What every command is served from."""

    lab: Lab
    recorder: SessionRecorder
    faults: SessionFaults

    def host(self, name: str) -> Host:
        """The host with this name. Raises BadOption, which suggests a similar name."""
        if name in self.lab.hosts:
            return self.lab.hosts[name]
        near = difflib.get_close_matches(name, self.lab.hosts, n=1)
        way_out = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.lab.hosts)}."
        raise BadOption(f"There is no host {name!r} in this lab: {way_out}")

    def hosts(self, names: list[str]) -> list[Host]:
        """The hosts with these names; all hosts if ``names`` is empty. Raises BadOption."""
        return [self.host(name) for name in names or self.lab.hosts]
