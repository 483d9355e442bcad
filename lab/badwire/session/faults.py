"""The faults that `badwire fault` sets: which are in force toward each host, and the engine that carries them out."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from badwire.errors import LabError
from badwire.faults import from_json
from badwire.session.recorder import RecordFields
from badwire.testbed.host import Host
from badwire.testbed.wire import Wire


class SessionFaults:
    """The faults of an interactive lab. One command at a time changes them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._changing = threading.Lock()
        self._engines: dict[str, str] = {}

    def on_record(self, kind: str, fields: RecordFields) -> None:
        """A listener of the recorder: remembers the engine of each host's faults."""
        if kind == "fault":
            self._engines[fields["toward"]] = fields["engine"]

    def set(self, hosts: Sequence[Host], descriptions: Iterable[Mapping[str, Any]]) -> None:
        """Replace the faults toward each of ``hosts``, all or none.

        Args:
            hosts: the hosts that the frames are sent to.
            descriptions: the faults, as ``Fault.to_json`` makes them.

        Raises:
            MissingCapability: the engine in use cannot carry out the faults; those in force are unchanged.
        """
        faults = [from_json(description) for description in descriptions]
        with self._changing:
            before = self._wire.in_force
            changed: list[Host] = []
            try:
                for host in hosts:
                    self._wire.set_faults(host, *faults)
                    changed.append(host)
            except LabError:
                for host in changed:
                    with suppress(LabError):
                        self._wire.set_faults(host, *before[host.name])
                raise

    def describe(self, hosts: Sequence[Host]) -> dict[str, Any]:
        """The faults toward each host as plain data, and their engine."""
        in_force = self._wire.in_force
        descriptions = {}
        for host in hosts:
            descriptions[host.name] = {
                "faults": [fault.to_json() for fault in in_force[host.name]],
                "engine": self._engines.get(host.name),
            }
        return descriptions
