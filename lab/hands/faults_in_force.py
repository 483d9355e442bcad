"""The faults that hands set on the wire: what is in force toward each host, and which engine does it."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from lab.errors import LabError
from lab.faults import from_json
from lab.host import Host
from lab.wire import Wire


class FaultsInForce:
    """One command at a time changes them. ``hear`` is for the recorder, which is told of the engine."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._changing = threading.Lock()
        self._engines: dict[str, str] = {}

    def hear(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "fault":
            self._engines[fields["toward"]] = fields["engine"]

    def set(self, hosts: Sequence[Host], described: Iterable[Mapping[str, Any]]) -> None:
        """These and no others toward each of the hosts; where one of them cannot be had, all is as it was.

        Raises:
            MissingCapability: the engine asked for cannot do it.
        """
        faults = [from_json(each) for each in described]
        with self._changing:
            before, changed = self._wire.in_force, list[Host]()
            try:
                for host in hosts:
                    self._wire.put(host, *faults)
                    changed.append(host)
            except LabError:
                for host in changed:
                    with suppress(LabError):
                        self._wire.put(host, *before[host.name])
                raise

    def shown(self, hosts: Sequence[Host]) -> dict[str, Any]:
        """Toward each host its faults as plain data, and the engine."""
        now = self._wire.in_force
        return {
            host.name: {"faults": [fault.to_json() for fault in now[host.name]], "engine": self._engines.get(host.name)}
            for host in hosts
        }
