"""Which connection a driven socket had: by the kernel's answer to `accept`, and by the SYN that its `connect` sent."""

from collections.abc import Iterable, Mapping, Sequence

from lab.evidence import Connection
from lab.seen_records import Call


def connected(calls: Iterable[Call], connections: Sequence[Connection]) -> Mapping[tuple[str, int], int]:
    """The place among ``connections`` of what a socket, told by its host and number, was connected to."""
    found: dict[tuple[str, int], int] = {}
    for call in calls:
        socket, its = (call.host, call.socket), _began
        if call.call == "accept" and call.errno is None:
            socket, its = (call.host, call.value[0]), _accepted
        elif call.call != "connect":
            continue
        taken = {place for (host, _), place in found.items() if host == call.host}
        places = (place for place, each in enumerate(connections) if place not in taken and its(call, each))
        if (place := next(places, None)) is not None:
            found.setdefault(socket, place)
    return found


def _accepted(call: Call, connection: Connection) -> bool:
    _, (_, port) = call.value
    ends = connection.server, connection.client_port
    return ends == (call.host, port) and connection.segments[0].sent_at <= call.ended


def _began(call: Call, connection: Connection) -> bool:
    """A SYN may be sent after `connect` has returned only where it does not block, and the address is not known yet."""
    port, sent_at = call.args[0][1], connection.segments[0].sent_at
    ends = {(connection.client, connection.server_port), (connection.server, connection.client_port)}
    in_time = call.began <= sent_at and (sent_at <= call.ended or call.errno == "EINPROGRESS")
    return (call.host, port) in ends and in_time
