"""Which connection a driven socket had: by the kernel's answer to `accept`, and by the SYN that its `connect` sent."""

from collections.abc import Iterable, Mapping, Sequence

from lab.evidence import Connection
from lab.seen_records import Call


def connected(calls: Iterable[Call], connections: Sequence[Connection]) -> Mapping[tuple[str, int], int]:
    """The place among ``connections`` of what a socket, told by its host and number, was connected to."""
    found: dict[tuple[str, int], int] = {}
    for call in calls:
        match call.call, call.args, call.value:
            case "accept", _, [int(socket), [_, int(port)]]:
                its = _accepted
            case "connect", ((_, int(port)),), _:
                socket, its = call.socket, _began
            case _:  # another, one that failed, or a damaged record
                continue
        taken = {place for (host, _), place in found.items() if host == call.host}
        places = [place for place, each in enumerate(connections) if place not in taken and its(call, port, each)]
        if places:  # of those that had the port one after the other, the last is accepted
            found.setdefault((call.host, socket), places[-1 if its is _accepted else 0])
    return found


def _accepted(call: Call, port: int, connection: Connection) -> bool:
    ends = connection.server, connection.client_port
    return ends == (call.host, port) and connection.segments[0].sent_at <= call.ended


def _began(call: Call, port: int, connection: Connection) -> bool:
    """A SYN may be sent after `connect` has returned only where it does not block, and the address is not known yet."""
    sent_at = next((each.sent_at for each in connection.segments if each.source == call.host), None)
    ends = {(connection.client, connection.server_port), (connection.server, connection.client_port)}
    if sent_at is None or (call.host, port) not in ends:
        return False
    return call.began <= sent_at and (sent_at <= call.ended or call.errno == "EINPROGRESS")
