"""A client and a server that talk on a run written by hand, with numbers as Connection counts them.

talk = Talk(w, port=7001, t=1.0)
talk.data(2.0, first=1, length=100)
talk.ack(2.1, number=101, window=5000)
"""

from collections.abc import Mapping
from typing import Any

from tests.claims.written import Written

CLIENT_ISN, SERVER_ISN = 100, 500


class Talk:
    """A connection whose three segments cross at ``t``, a millisecond apart; options are those of both SYNs."""

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
        there, back = windows
        syn: dict[str, Any] = {"seq": CLIENT_ISN, "window": there, "options": options}
        w.segment("client", "server", t, "S", **syn, **self.client)
        answer: dict[str, Any] = {"seq": SERVER_ISN, "ack": CLIENT_ISN + 1, "window": back, "options": options}
        w.segment("server", "client", t + 0.001, "SA", **answer, **self.server)
        w.segment("client", "server", t + 0.002, "A", seq=CLIENT_ISN + 1, ack=SERVER_ISN + 1, **self.client)

    def data(self, t: float, first: int, length: int, **how: Any) -> None:
        """The client sends ``length`` bytes from number ``first`` on; none is a probe, where that is an old number."""
        what: dict[str, Any] = {"seq": CLIENT_ISN + first, "ack": SERVER_ISN + 1, "data": bytes(length)}
        self._w.segment("client", "server", t, "A", **what, **self.client, **how)

    def ack(self, t: float, number: int, window: int = 64240, **how: Any) -> None:
        """The server wants ``number`` next and offers ``window``, as it stands in the segment."""
        what: dict[str, Any] = {"seq": SERVER_ISN + 1, "ack": CLIENT_ISN + number, "window": window}
        self._w.segment("server", "client", t, "A", **what, **self.server, **how)
