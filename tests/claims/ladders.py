"""Connections written by hand as the scenarios' ladders show them, and tables of sockets that change line by line.

    talk(w, 7001, 1.0, *OPENING, "client PA 1 ack 1: hello", "server A 1 ack 6 x")

Numbers count from each side's own start; what stands behind the colon is data, and an x at the end means lost.
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
_RUNG = re.compile(r"(client|server) ([A-Z]+) (\d+)(?: ack (\d+))?(?:: (.*?))?( x)?")


def talk(w: Written, port: int, t: float, *rungs: str, own: int = OWN, **how: Any) -> float:
    """Segments one after another from ``t`` on; gives the time after the last. ``how`` is as in Written.segment."""
    for rung in rungs:
        found = _RUNG.fullmatch(rung)
        assert found, rung
        source, flags, seq, ack, data, lost = found.groups()
        ports = {"sport": own, "dport": port} if source == "client" else {"sport": port, "dport": own}
        numbers = {"seq": STARTS[source] + int(seq), "ack": STARTS[OTHER[source]] + int(ack) if ack else 0}
        what: dict[str, Any] = {**ports, **numbers, "data": (data or "").encode(), "lost": bool(lost), **how}
        w.segment(source, OTHER[source], t, flags, **what)
        t += APART
    return t


class Table:
    """A host's table of sockets: ``show`` changes one line of it and puts a look at all of it on record."""

    def __init__(self, w: Written, host: str, t: float = 0.0) -> None:
        self._w, self._host = w, host
        self._lines: dict[tuple[int, int], Mapping[str, Any]] = {}
        w.sample(host, t, [])

    def show(
        self, t: float, state: str | None, port: int, remote_port: int = 0, prev: float | None = None, **more: Any
    ) -> None:
        """The socket with these ports in this state; None: it is gone. ``prev`` is the look before."""
        self._lines.pop((port, remote_port), None)
        if state is not None:
            ends = ADDRESSES[self._host], ADDRESSES[OTHER[self._host]]
            self._lines[port, remote_port] = sock(state, port, remote_port, *ends, **more)
        self._w.sample(self._host, t, list(self._lines.values()), prev)

    def passes(self, t: float, port: int, remote_port: int, *states: str | None, every: float = APART) -> float:
        """One state after another, from ``t`` on; gives the time after the last."""
        for state in states:
            self.show(t, state, port, remote_port)
            t += every
        return t
