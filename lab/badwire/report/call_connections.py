"""Which TCP connection a controlled socket had: by the result of `accept`, and by the SYN that its `connect` sent."""

from collections.abc import Iterable, Mapping, Sequence

from badwire.evidence.stream import TcpStream
from badwire.store.records import Call


def connections_of_calls(calls: Iterable[Call], connections: Sequence[TcpStream]) -> Mapping[tuple[str, int], int]:
    """For each socket, named by its host and number, the index of its connection in ``connections``."""
    found: dict[tuple[str, int], int] = {}
    for call in calls:
        match call.call, call.args, call.value:
            case "accept", _, [int(socket), [_, int(port)]]:
                belongs = _accepted
            case "connect", ((_, int(port)),), _:
                socket = call.socket
                belongs = _connected
            case _:  # another call, one that failed, or a damaged record
                continue
        taken = {index for (host, _), index in found.items() if host == call.host}
        candidates = [
            index
            for index, connection in enumerate(connections)
            if index not in taken and belongs(call, port, connection)
        ]
        if candidates:  # if several connections had the port one after the other, accept returned the last
            found.setdefault((call.host, socket), candidates[-1 if belongs is _accepted else 0])
    return found


def _accepted(call: Call, port: int, connection: TcpStream) -> bool:
    ends = connection.server, connection.client_port
    return ends == (call.host, port) and connection.frames[0].sent_at <= call.ended


def _connected(call: Call, port: int, connection: TcpStream) -> bool:
    """A SYN may be sent after `connect` has returned if the socket does not block and ARP has to ask first."""
    sent_at = next((each.sent_at for each in connection.frames if each.source == call.host), None)
    ends = {(connection.client, connection.server_port), (connection.server, connection.client_port)}
    if sent_at is None or (call.host, port) not in ends:
        return False
    return call.began <= sent_at and (sent_at <= call.ended or call.errno == "EINPROGRESS")
