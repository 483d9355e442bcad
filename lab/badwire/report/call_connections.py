"""Which TCP connection a controlled socket had: by the result of `accept`, and by the SYN that its `connect` sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from badwire.evidence.frames import Frame
from badwire.evidence.stream import TcpStream
from badwire.store.records import Call

SocketKey = tuple[str, int]  # a host, and the number of a controlled socket on it


@dataclass(frozen=True)
class _Opening:
    """A call that gave a socket its connection, the number of that socket, and the port of the peer."""

    call: Call
    socket: int
    port: int

    def opened(self, connection: TcpStream) -> bool:
        """Whether this can be the connection that the call opened."""
        if self.call.call == "accept":
            return self._accepted(connection)
        return self._connected(connection)

    def _accepted(self, connection: TcpStream) -> bool:
        if connection.server != self.call.host or connection.client_port != self.port:
            return False
        return connection.frames[0].sent_at <= self.call.ended

    def _connected(self, connection: TcpStream) -> bool:
        call = self.call
        as_client = (connection.client, connection.server_port)
        as_server = (connection.server, connection.client_port)  # both sides connect in a simultaneous open
        if (call.host, self.port) not in (as_client, as_server):
            return False
        for frame in connection.frames:
            if frame.source == call.host:
                return self._may_have_sent(frame)
        return False

    def _may_have_sent(self, syn: Frame) -> bool:
        """Whether the call sent this SYN; without blocking it may return before, since ARP has to ask first."""
        if syn.sent_at < self.call.began:
            return False
        return not self.call.returned or syn.sent_at <= self.call.ended or self.call.errno == "EINPROGRESS"


def connections_of_calls(calls: Iterable[Call], connections: Sequence[TcpStream]) -> Mapping[SocketKey, int]:
    """For each socket the index of its connection in ``connections``."""
    found: dict[SocketKey, int] = {}
    for call in calls:
        opening = _opening(call)
        if opening is None:
            continue
        taken = [index for (host, _), index in found.items() if host == call.host]
        candidates = []
        for index, connection in enumerate(connections):
            if index not in taken and opening.opened(connection):
                candidates.append(index)
        if not candidates:
            continue
        # If more than one connection had the port, one after the other, accept returned the last.
        chosen = candidates[-1] if call.call == "accept" else candidates[0]
        found.setdefault((call.host, opening.socket), chosen)
    return found


def _opening(call: Call) -> _Opening | None:
    """The call as one that opened a connection; None for another call, one that failed, or a damaged record."""
    value = call.value if call.returned else None
    match call.call, call.args, value:
        case "accept", _, [int(socket), [_, int(port)]]:
            return _Opening(call, socket, port)
        case "connect", ((_, int(port)),), _:
            return _Opening(call, call.socket, port)
    return None
