"""The faults that `badwire fault` sets: which are in force toward each host, and the engine that carries them out."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from badwire.faults import from_json
from badwire.faults.direction import Direction
from badwire.faults.fault import Fault
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

    def set(self, groups: Iterable[Mapping[str, Any]]) -> None:
        """Replace the faults of each direction, all or none.

        Args:
            groups: of each, its "direction" as ``Direction.to_json`` makes it, and its "faults" as ``Fault.to_json``
                makes them; without any, those in force are lifted.

        Raises:
            BadOption: it is not clear which frames are meant; the faults in force are unchanged.
            UnsupportedFault: the engine in use cannot carry out the faults; likewise.
            MissingCapability: this machine does not have the engine; likewise.
        """
        wanted: list[tuple[Direction, list[Fault]]] = []
        for group in groups:
            wanted.append((Direction.from_json(group["direction"]), [from_json(each) for each in group["faults"]]))
        with self._changing:
            self._wire.replace(wanted)

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
