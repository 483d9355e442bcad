"""A lab that commands use: the lab, its recorder, and the faults that commands have set."""

from dataclasses import dataclass

from badwire.errors import BadOption
from badwire.session.faults import SessionFaults
from badwire.session.recorder import SessionRecorder
from badwire.testbed.host import Host
from badwire.testbed.lab import Lab
from badwire.util.suggestion import did_you_mean


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
        known = ", ".join(self.lab.hosts)
        hint = did_you_mean(name, self.lab.hosts, otherwise=f"the hosts are {known}.")
        raise BadOption(f"There is no host {name!r} in this lab: {hint}")

    def hosts(self, names: list[str]) -> list[Host]:
        """The hosts with these names; all hosts if ``names`` is empty. Raises BadOption."""
        if not names:
            return list(self.lab.hosts.values())
        return [self.host(name) for name in names]
