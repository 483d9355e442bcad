"""Connections written by hand as the scenarios' ladders show them, and socket tables that change entry by entry.

    talk(w, 7001, 1.0, *OPENING, "client PA 1 ack 1: hello", "server A 1 ack 6 x")

Numbers count from each side's initial number. After the colon is data, and an x at the end means lost.
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.claims.written import Written, sock

OWN = 40001  # the client's port, where no other is given
STARTS = {"client": 100, "server": 500}
OTHER = {"client": "server", "server": "client"}
ADDRESSES = {"server": "10.0.0.2", "client": "10.0.0.3"}
OPENING = ("client S 0", "server SA 0 ack 1", "client A 1 ack 1")
APART = 0.001  # s; from one segment to the next
_LINE = re.compile(r"(client|server) ([A-Z]+) (\d+)(?: ack (\d+))?(?:: (.*?))?( x)?")


def talk(w: Written, port: int, t: float, *lines: str, own: int = OWN, **how: Any) -> float:
    """Segments one after another from ``t`` on; returns the time after the last. ``how`` is as in Written.segment."""
    for line in lines:
        found = _LINE.fullmatch(line)
        assert found, line
        source, flags, seq, ack, data, lost = found.groups()
        ports = {"sport": own, "dport": port} if source == "client" else {"sport": port, "dport": own}
        numbers = {"seq": STARTS[source] + int(seq), "ack": STARTS[OTHER[source]] + int(ack) if ack else 0}
        what: dict[str, Any] = {**ports, **numbers, "data": (data or "").encode(), "lost": bool(lost), **how}
        w.segment(source, OTHER[source], t, flags, **what)
        t += APART
    return t


class Table:
    """A host's socket table: ``show`` changes one entry of it and records a sample."""

    def __init__(self, w: Written, host: str, t: float = 0.0) -> None:
        self._w, self._host = w, host
        self._entries: dict[tuple[int, int], Mapping[str, Any]] = {}
        w.sample(host, t, [])

    def show(
        self, t: float, state: str | None, port: int, remote_port: int = 0, prev: float | None = None, **more: Any
    ) -> None:
        """The socket with these ports in this state; None: it is gone. ``prev`` is the time of the sample before."""
        self._entries.pop((port, remote_port), None)
        if state is not None:
            ends = ADDRESSES[self._host], ADDRESSES[OTHER[self._host]]
            self._entries[port, remote_port] = sock(state, port, remote_port, *ends, **more)
        self._w.sample(self._host, t, list(self._entries.values()), prev)

    def passes(self, t: float, port: int, remote_port: int, *states: str | None, every: float = APART) -> float:
        """One state after another, from ``t`` on; returns the time after the last."""
        for state in states:
            self.show(t, state, port, remote_port)
            t += every
        return t
