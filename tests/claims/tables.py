"""A host's socket table over time, written by hand: which socket is in it from when to when.

tables = Tables(w)
tables.add("client", sock("ESTABLISHED", 40001, 7000, "10.0.0.3", "10.0.0.2"), since=0.5, until=9.5)
tables.write()
"""

from collections.abc import Mapping
from typing import Any

from tests.claims.written import Written

INTERVAL = 0.01  # seconds from one sample to the next


class Tables:
    """Sockets are written as samples, one at each change; the sample before does not show the change."""

    def __init__(self, w: Written) -> None:
        self._w = w
        self._added: dict[str, list[tuple[float, float | None, Mapping[str, Any]]]] = {}
        self._more: dict[str, list[float]] = {}

    def add(self, host: str, entry: Mapping[str, Any], since: float, until: float | None = None) -> None:
        """An entry that samples show from ``since`` on, and no longer from ``until`` on."""
        self._added.setdefault(host, []).append((since, until, entry))

    def sample(self, host: str, t: float) -> None:
        """One more sample, at which nothing has changed."""
        self._more.setdefault(host, []).append(t)

    def write(self) -> None:
        for host, added in self._added.items():
            changes = {time for since, until, _ in added for time in (since, until) if time is not None}
            for t in sorted(changes.union(self._more.get(host, ()))):
                table = [entry for since, until, entry in added if since <= t and (until is None or t < until)]
                self._w.sample(host, t, table, prev=t - INTERVAL)
