"""Connections written by hand whose client hears no more of its server: for the claims about silence."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from tests.claims.tables import Tables
from tests.claims.written import Written, sock

SERVER, CLIENT = "10.0.0.2", "10.0.0.3"


class Silent:
    """One run with several such connections; each is numbered as its client's driven socket is."""

    def __init__(self, w: Written) -> None:
        self.w, self.tables, self._number = w, Tables(w), 0

    def connect(self, port: int, t: float = 0.5) -> dict[str, dict[str, Any]]:
        """A handshake, with the call; gives the ports of either side's segments. The next number is 101, and 501."""
        self._number += 1
        mine = 40000 + self._number
        ports: dict[str, dict[str, Any]] = {
            "client": {"sport": mine, "dport": port},
            "server": {"sport": port, "dport": mine},
        }
        self.w.call("client", t, "connect", [SERVER, port], took=0.01, socket=self._number)
        self.w.segment("client", "server", t, "S", seq=100, **ports["client"])
        self.w.segment("server", "client", t + 0.0001, "SA", seq=500, ack=101, **ports["server"])
        self.w.segment("client", "server", t + 0.0002, "A", seq=101, ack=501, **ports["client"])
        return ports

    def option(self, name: str, t: float) -> None:
        """An option set on the socket of the connection made last."""
        self.w.call("client", t, "setsockopt", "SOL_SOCKET", name, 1, took=0, socket=self._number)

    def here(self, port: int, since: float = 0.6, until: float | None = None, **what: Any) -> None:
        """The client's end of the connection made last, ESTABLISHED in the table from one time to another."""
        entry = sock("ESTABLISHED", 40000 + self._number, port, CLIENT, SERVER, **what)
        self.tables.add("client", entry, since, until)

    def there(self, port: int, until: float | None = None) -> None:
        """The server's end of it."""
        self.tables.add("server", sock("ESTABLISHED", port, 40000 + self._number), 0.6, until)

    def speak(
        self,
        port: int,
        t: float,
        waits: Sequence[float],
        flags: str = "PA",
        errno: str | None = "ETIMEDOUT",
        **what: Any,
    ) -> float:
        """Segments in vain from ``t`` on, with these waits; recv returns after the last. Gives when that was."""
        times = list(accumulate(waits, initial=t))
        for sent_at in times[:-1]:
            segment = {"seq": 101, "data": b"hello", **what} if flags == "PA" else {"seq": 100, **what}
            ports: dict[str, Any] = {"sport": 40000 + self._number, "dport": port}
            self.w.segment("client", "server", sent_at, flags, ack=501, lost=True, **ports, **segment)
        self.w.call("client", t, "recv", 100, took=times[-1] - t, errno=errno, socket=self._number)
        return times[-1]

    def call_in_vain(
        self, port: int, t: float, waits: Sequence[float], errno: str | None = "ETIMEDOUT", last_flags: str = "S"
    ) -> None:
        """SYNs without an answer; connect returns after the last wait, and the socket is gone."""
        self._number += 1
        times = list(accumulate(waits, initial=t))
        ports: dict[str, Any] = {"sport": 40000 + self._number, "dport": port}
        for sent_at in times[:-1]:
            flags = last_flags if sent_at == times[-2] else "S"
            self.w.segment("client", "server", sent_at, flags, seq=100, lost=True, **ports)
        self.w.call("client", t, "connect", [SERVER, port], took=times[-1] - t, errno=errno, socket=self._number)
        entry = sock("SYN_SENT", 40000 + self._number, port, CLIENT, SERVER)
        self.tables.add("client", entry, since=t + 0.001, until=times[-1])
