"""A connection written by hand, with sequence numbers as TcpStream counts them.

talk = Talk(w, port=7001, t=1.0)
talk.data(2.0, first=1, length=100)
talk.ack(2.1, number=101, window=5000)
"""

from collections.abc import Mapping
from typing import Any

from tests.claims.written import Written

CLIENT_ISN, SERVER_ISN = 100, 500


class Talk:
    """A connection. Its handshake begins at ``t``, one segment a millisecond; both SYNs have ``options``."""

    def __init__(
        self,
        w: Written,
        port: int,
        t: float,
        windows: tuple[int, int] = (64240, 64240),
        options: Mapping[str, Any] | None = None,
        own_port: int = 40000,
    ) -> None:
        self._w = w
        self.client: dict[str, Any] = {"sport": own_port, "dport": port}
        self.server: dict[str, Any] = {"sport": port, "dport": own_port}
        client_window, server_window = windows
        syn: dict[str, Any] = {"seq": CLIENT_ISN, "window": client_window, "options": options}
        w.segment("client", "server", t, "S", **syn, **self.client)
        answer: dict[str, Any] = {"seq": SERVER_ISN, "ack": CLIENT_ISN + 1, "window": server_window, "options": options}
        w.segment("server", "client", t + 0.001, "SA", **answer, **self.server)
        w.segment("client", "server", t + 0.002, "A", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1, **self.client)

    def data(self, t: float, first: int, length: int, **how: Any) -> None:
        """The client sends ``length`` bytes from number ``first`` on; no byte and an old number is a probe."""
        what: dict[str, Any] = {"seq": CLIENT_ISN + first, "ack": SERVER_ISN + 1, "data": bytes(length)}
        self._w.segment("client", "server", t, "A", **what, **self.client, **how)

    def ack(self, t: float, number: int, window: int = 64240, **how: Any) -> None:
        """The server wants ``number`` next and announces ``window``, the value in the segment, not scaled."""
        what: dict[str, Any] = {"seq": SERVER_ISN + 1, "ack": CLIENT_ISN + number, "window": window}
        self._w.segment("server", "client", t, "A", **what, **self.server, **how)
