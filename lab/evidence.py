"""Evidence: what a run left on disk, and what a claim may ask of it.

Times are integers, nanoseconds of the hosts' monotonic clock; lengths of time are seconds. A query that matches nothing
gives None. Asking about a host that the run does not have, or about what was never recorded, raises NothingSeen, which
makes the claim UNKNOWN.

The queries are in lab.seen_run (files, notes, phases), lab.seen_wire (frames, connections, faults) and lab.seen_hosts
(sockets, calls, programs, settings).
"""

from dataclasses import dataclass

from lab.seen_connections import Connection, tcp_of
from lab.seen_flight import Flow
from lab.seen_frames import Frame, intervals
from lab.seen_hosts import OnTheHosts
from lab.seen_records import NS, NothingSeen
from lab.seen_silence import Silence, silence
from lab.seen_states import History
from lab.seen_wire import OnTheWire

__all__ = ["NS", "Connection", "Evidence", "Frame", "NothingSeen", "intervals", "tcp_of"]


@dataclass(frozen=True)
class Evidence(OnTheWire, OnTheHosts):
    """All that is on record of a run: ``Evidence.load(folder)``; ``seen.phase("note")`` is the part after a note."""

    def ends(self, connection: Connection) -> dict[str, History]:
        """A connection's two sockets by host, as the tables showed them; NothingSeen when one was never looked at."""
        port, remote_port = connection.client_port, connection.server_port
        ends: dict[str, History] = {}
        for host, ports in ((connection.client, (port, remote_port)), (connection.server, (remote_port, port))):
            found = self.sockets(host).histories(None, *ports, protocol="tcp")
            if found is None:
                raise NothingSeen(f"the connection was never seen in the table of {host}")
            ends[host] = found[0]
        return ends

    def flow(self, port: int, client: str | None = None) -> Flow:
        """What the client of the first connection to ``port`` sends, with the looks at its socket."""
        made = self.opened(port, client).connection
        ports = made.client_port, made.server_port
        found = self.sockets(made.client).histories(None, *ports, protocol="tcp")
        return Flow(made, found[0].sockets if found else ())

    def silence(self, port: int, client: str | None = None) -> Silence:
        """What the client of the first connection to ``port``, a driven socket, sent in vain."""
        made = self.tried(port, client)
        found = self.sockets(made.client).histories(None, made.client_port, made.server_port, protocol="tcp")
        number = self.call(made.client, "connect", port=port).socket
        if found is None:
            raise NothingSeen(f"the connection was never seen in the table of {made.client}")
        return silence(made, found[0], self.calls(made.client, socket=number) or ())
