"""A transfer written by hand: segments of ten bytes, numbered from 1, their ACKs, samples of the sender's socket."""

from collections.abc import Iterable
from typing import Any

from badwire.linux.congestion import INFINITE
from tests.claims.written import Written, sock

SIZE = 10  # bytes
WAY = 0.05  # seconds; a round trip takes twice as long
MICROSECOND = 1e-6
INFO: dict[str, Any] = {
    "ca_state": 0,
    "snd_cwnd": 10,
    "snd_ssthresh": INFINITE,
    "snd_mss": SIZE,
    "notsent_bytes": 0,
    "unacked": 1,
    "rtt": round(2e6 * WAY),
    "min_rtt": round(2e6 * WAY),
    "rto": 300_000,
    "total_retrans": 0,
}  # of every sample, but for what is changed


class Transfer:
    """What a client sends to a port of the server. The handshake is over at ``t``; ``way`` is in seconds."""

    def __init__(self, w: Written, t: float, port: int, client: str = "client", way: float = WAY) -> None:
        self.w = w
        self.client = client
        self.port = port
        self.way = way
        self.client_port = 40000 + port % 1000
        self.client_ports: dict[str, Any] = {"sport": self.client_port, "dport": port}
        self.server_ports: dict[str, Any] = {"sport": port, "dport": self.client_port}
        w.segment(client, "server", t - 3 * way, "S", seq=100, delivered=t - 2 * way, **self.client_ports)
        w.segment("server", client, t - 2 * way, "SA", seq=500, ack=101, delivered=t - way, **self.server_ports)
        w.segment(client, "server", t - way, "A", seq=101, ack=501, delivered=t, **self.client_ports)

    def data(self, t: float, numbers: Iterable[int], lost: Iterable[int] = ()) -> None:
        """These segments, sent from ``t`` on, a microsecond apart."""
        never_arrive = set(lost)
        for place, number in enumerate(numbers):
            at = t + place * MICROSECOND
            how = {"lost": True} if number in never_arrive else {"delivered": at + self.way}
            self.w.segment(
                self.client, "server", at, "PA", seq=91 + SIZE * number, ack=501, data=bytes(SIZE),
                **self.client_ports, **how,
            )  # fmt: skip

    def ack(self, t: float, following: int, times: int = 1, sack: tuple[int, int] | None = None) -> None:
        """The server acknowledges: segment ``following`` is next. Sent from ``t`` on, a microsecond apart."""
        options = {"sack": [tuple(91 + SIZE * number for number in sack)]} if sack else None
        for place in range(times):
            at = t + place * MICROSECOND
            self.w.segment(
                "server", self.client, at, "A", seq=501, ack=91 + SIZE * following, options=options,
                delivered=at + self.way, **self.server_ports,
            )  # fmt: skip

    def flights(self, t: float, sizes: Iterable[int], first: int = 1) -> float:
        """Flights, each acknowledged segment by segment, a round trip apart; returns when the last ACK arrived."""
        for size in sizes:
            numbers = range(first, first + size)
            self.data(t, numbers)
            for place, number in enumerate(numbers):
                self.ack(t + self.way + place * MICROSECOND, number + 1)
            t += 2 * self.way + 1e-4
            first += size
        return t

    def socket_gone(self, t: float) -> None:
        """A sample that does not show the socket any more, and confirms the sample before it."""
        self.w.sample(self.client, t, [], prev=t - MICROSECOND)

    def sample(self, t: float, acked: int = 0, confirms: bool = True, **info: Any) -> None:
        """A sample of the client's socket.

        Args:
            t: when it was taken.
            acked: how many segments were acknowledged.
            confirms: whether the sample before it was found again just before this one.
            info: fields of tcp_info that differ from INFO.
        """
        entry = sock(
            "ESTABLISHED", self.client_port, self.port, self.w.hosts[self.client], self.w.hosts["server"],
            info={**INFO, "bytes_acked": 1 + SIZE * acked, **info},
        )  # fmt: skip
        self.w.sample(self.client, t, [entry], prev=t - MICROSECOND if confirms else 0)


def counted(w: Written, name: str, counts: dict[str, int | None]) -> None:
    """By how much a counter of each host grew over the run; None: it was not recorded at the end."""
    for host, grown in counts.items():
        w.counters(host, 0, **{name: 5})
        if grown is None:
            w.counters(host, 60)
        else:
            w.counters(host, 60, **{name: 5 + grown})
