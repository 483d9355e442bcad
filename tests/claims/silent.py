"""Connections written by hand whose client gets no answer any more: for the claims about timeouts."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from tests.claims.tables import Tables
from tests.claims.written import Written, sock

SERVER = "10.0.0.2"
CLIENT = "10.0.0.3"


class Silent:
    """One run with several such connections; each has the number of its client's controlled socket."""

    def __init__(self, w: Written) -> None:
        self.w = w
        self.tables = Tables(w)
        self._number = 0

    def connect(self, port: int, t: float = 0.5) -> dict[str, dict[str, Any]]:
        """A handshake with its call; returns the ports of each side's segments. The next numbers are 101 and 501."""
        self._number += 1
        client_port = 40000 + self._number
        ports: dict[str, dict[str, Any]] = {
            "client": {"sport": client_port, "dport": port},
            "server": {"sport": port, "dport": client_port},
        }
        self.w.call("client", t, "connect", [SERVER, port], took=0.01, socket=self._number)
        self.w.segment("client", "server", t, "S", seq=100, **ports["client"])
        self.w.segment("server", "client", t + 0.0001, "SA", seq=500, ack=101, **ports["server"])
        self.w.segment("client", "server", t + 0.0002, "A", seq=101, ack=501, **ports["client"])
        return ports

    def option(self, name: str, t: float) -> None:
        """An option is set on the socket of the last connection."""
        self.w.call("client", t, "setsockopt", "SOL_SOCKET", name, 1, took=0, socket=self._number)

    def client_established(self, port: int, since: float = 0.6, until: float | None = None, **what: Any) -> None:
        """The client's socket of the last connection is ESTABLISHED in the table from one time to another."""
        entry = sock("ESTABLISHED", 40000 + self._number, port, CLIENT, SERVER, **what)
        self.tables.add("client", entry, since, until)

    def server_established(self, port: int, until: float | None = None) -> None:
        """The server's socket of it."""
        self.tables.add("server", sock("ESTABLISHED", port, 40000 + self._number), 0.6, until)

    def send_unanswered(
        self,
        port: int,
        t: float,
        waits: Sequence[float],
        flags: str = "PA",
        errno: str | None = "ETIMEDOUT",
        **what: Any,
    ) -> float:
        """Segments from ``t`` on that never arrive, with these waits; returns when recv does, after the last."""
        times = list(accumulate(waits, initial=t))
        for sent_at in times[:-1]:
            segment = {"seq": 101, "data": b"hello", **what} if flags == "PA" else {"seq": 100, **what}
            ports: dict[str, Any] = {"sport": 40000 + self._number, "dport": port}
            self.w.segment("client", "server", sent_at, flags, ack=501, lost=True, **ports, **segment)
        self.w.call("client", t, "recv", 100, took=times[-1] - t, errno=errno, socket=self._number)
        return times[-1]

    def connect_unanswered(
        self, port: int, t: float, waits: Sequence[float], errno: str | None = "ETIMEDOUT", last_flags: str = "S"
    ) -> None:
        """SYNs without an answer; connect returns after the last wait, and the socket no longer exists."""
        self._number += 1
        times = list(accumulate(waits, initial=t))
        ports: dict[str, Any] = {"sport": 40000 + self._number, "dport": port}
        for sent_at in times[:-1]:
            flags = last_flags if sent_at == times[-2] else "S"
            self.w.segment("client", "server", sent_at, flags, seq=100, lost=True, **ports)
        self.w.call("client", t, "connect", [SERVER, port], took=times[-1] - t, errno=errno, socket=self._number)
        entry = sock("SYN_SENT", 40000 + self._number, port, CLIENT, SERVER)
        self.tables.add("client", entry, since=t + 0.001, until=times[-1])
