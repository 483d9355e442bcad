"""A transfer written by hand: segments of ten bytes, numbered from 1; acknowledgments; looks at the sender's socket."""

from collections.abc import Iterable
from typing import Any

from badwire.linux.congestion import INFINITE
from tests.claims.written import Written, sock

SIZE = 10  # bytes
WAY = 0.05  # seconds; a round trip takes twice as long
ALIKE: dict[str, Any] = {
    "ca_state": 0, "snd_cwnd": 10, "snd_ssthresh": INFINITE, "snd_mss": SIZE, "notsent_bytes": 0, "unacked": 1,
    "rtt": round(2e6 * WAY), "min_rtt": round(2e6 * WAY), "rto": 300_000, "total_retrans": 0,
}  # fmt: skip


class Transfer:
    """What a client sends to a port of the server, whose handshake is over at ``t``."""

    def __init__(self, w: Written, t: float, port: int, client: str = "client", way: float = WAY) -> None:
        self.w, self.client, self.port, self.way = w, client, port, way
        self.here: dict[str, Any] = {"sport": 40000 + port % 1000, "dport": port}
        self.there: dict[str, Any] = {"sport": port, "dport": 40000 + port % 1000}
        w.segment(client, "server", t - 3 * way, "S", seq=100, delivered=t - 2 * way, **self.here)
        w.segment("server", client, t - 2 * way, "SA", seq=500, ack=101, delivered=t - way, **self.there)
        w.segment(client, "server", t - way, "A", seq=101, ack=501, delivered=t, **self.here)

    def data(self, t: float, numbers: Iterable[int], lost: Iterable[int] = ()) -> None:
        """These segments, sent at ``t``, a microsecond after one another."""
        gone = set(lost)
        for place, number in enumerate(numbers):
            at = t + place * 1e-6
            segment: dict[str, Any] = {"seq": 91 + SIZE * number, "ack": 501, "data": bytes(SIZE), **self.here}
            how = {"lost": True} if number in gone else {"delivered": at + self.way}
            self.w.segment(self.client, "server", at, "PA", **segment, **how)

    def ack(self, t: float, following: int, times: int = 1, sack: tuple[int, int] | None = None) -> None:
        """The server says at ``t``, a microsecond after one another, that segment ``following`` is next."""
        options = {"sack": [tuple(91 + SIZE * number for number in sack)]} if sack else None
        for at in (t + n * 1e-6 for n in range(times)):
            segment: dict[str, Any] = {"seq": 501, "ack": 91 + SIZE * following, "options": options, **self.there}
            self.w.segment("server", self.client, at, "A", **segment, delivered=at + self.way)

    def flights(self, t: float, sizes: Iterable[int], first: int = 1) -> float:
        """Whole flights, each acknowledged segment by segment, a round trip apart; gives when the last ACK came."""
        for size in sizes:
            numbers = range(first, first + size)
            self.data(t, numbers)
            for place, number in enumerate(numbers):
                self.ack(t + self.way + place * 1e-6, number + 1)
            t, first = t + 2 * self.way + 1e-4, first + size
        return t

    def gone(self, t: float) -> None:
        """A look that finds no socket any more; what the one before saw was found twice."""
        self.w.sample(self.client, t, [], prev=t - 1e-6)

    def look(self, t: float, acked: int = 0, again: bool = True, **info: Any) -> None:
        """A look at the client's socket, after so many segments were acknowledged.

        What the one before saw was found ``again`` just before this, or it is the next look after that.
        """
        told = {**ALIKE, "bytes_acked": 1 + SIZE * acked, **info}
        ends: dict[str, Any] = {"local": self.w.hosts[self.client], "remote": self.w.hosts["server"], "info": told}
        self.w.sample(
            self.client, t, [sock("ESTABLISHED", self.here["sport"], self.port, **ends)], prev=t - 1e-6 if again else 0
        )


def counted(w: Written, name: str, counts: dict[str, int | None]) -> None:
    """How much a counter of each host grew over the run; None: it is not on record in the end."""
    for host, grown in counts.items():
        w.counters(host, 0, **{name: 5})
        w.counters(host, 60, **({} if grown is None else {name: 5 + grown}))
