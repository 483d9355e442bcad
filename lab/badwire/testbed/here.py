"""The process that runs the lab as a client: ports of its own loopback that lead to servers on the wire."""

import itertools
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress

from badwire.errors import BadOption, LabError
from badwire.testbed.channel import REPLY_TIMEOUT
from badwire.testbed.host import Host

LOOPBACK = "127.0.0.1"
_CHUNK = 1 << 16
_RESETS = struct.pack("ii", 1, 0)  # struct linger of socket(7): close with a RST
_numbers = itertools.count(1)  # of the second connections; a host's agent knows each by its number


class Here:
    """A way onto the wire for the process that runs the lab, and for any client library in it.

    A connection to a forwarded port ends in this process, on 127.0.0.1. A second one leads from a host of the lab to
    the server; it alone crosses the wire and is recorded. So the client notices faults as late bytes, as the end of
    the stream and as a reset, and not in its own segments: its connect succeeds before the second connection is there,
    and it is reset if that fails. Bytes, the end of either stream and resets are passed on. Urgent data, socket options
    and how bytes are cut into segments are not.

    The ports and connections end with the lab.
    """

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self._ports: list[_ForwardedPort] = []
        self._closed = False

    def forward(self, server: Host, port: int, *, via: Host | None = None) -> tuple[str, int]:
        """Open a port of this process's loopback that leads to a port of a server.

        Args:
            server: the host that is connected to.
            port: its TCP port. Nobody has to listen there yet.
            via: the host from which the second connection starts; None for the last host that is not the server.

        Returns:
            The address and the port to connect to, as ``socket.create_connection`` takes them. Only 127.0.0.1 is
            bound: no other machine can connect, and every user of this one can.

        Raises:
            BadOption: ``port`` is no TCP port, there is no other host than the server, or the lab has ended.
        """
        if self._closed:
            raise BadOption("this lab has ended; forward ports while it is up")
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 1 << 16:
            raise BadOption(f"{port!r} is not a TCP port: give a number from 1 to 65535")
        if via is None:
            others = [host for host in self._hosts.values() if host is not server]
            if not others:
                raise BadOption(
                    f"{server.name} is the only host of this lab, and a connection to it must start at another one;"
                    " add a host"
                )
            via = others[-1]
        forwarded = _ForwardedPort(via, server.at(port))
        self._ports.append(forwarded)
        return LOOPBACK, forwarded.number

    def close(self) -> None:
        """Close all ports and connections, and wait until nothing of them is left."""
        self._closed = True
        for port in self._ports:
            port.close()


class _ForwardedPort:
    """A listening socket, and the connections that were accepted on it."""

    def __init__(self, via: Host, target: tuple[str, int]) -> None:
        self._via = via
        self._target = target
        self._connections: list[_ForwardedConnection] = []
        self._listener = socket.create_server((LOOPBACK, 0), backlog=128)
        self.number: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="forwarded port", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is shut down
            while True:
                accepted, _ = self._listener.accept()
                self._connections = [each for each in self._connections if each.running]
                self._connections.append(_ForwardedConnection(accepted, self._via, self._target))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()


class _ForwardedConnection:
    """A client's connection in this process, and the second one, from a host to the server.

    One thread opens the second connection and passes on what the client sends, another what the server sends.
    """

    def __init__(self, accepted: socket.socket, via: Host, target: tuple[str, int]) -> None:
        self._accepted = accepted
        self._via = via
        self._target = target
        self._number = next(_numbers)
        self._broken = threading.Event()
        self._order = threading.Lock()  # so that the agent gets no `connect` after `close_outgoing`
        self._from_client = threading.Thread(target=self._run, name="forwarded connection", daemon=True)
        self._from_server = threading.Thread(target=self._pass_back, name="forwarded answer", daemon=True)
        self._from_client.start()

    @property
    def running(self) -> bool:
        """Whether either side is still open."""
        return self._from_client.is_alive()

    def close(self) -> None:
        """Reset both connections, unless they have ended, and wait for that."""
        if self.running:
            self._break_off()
            with suppress(OSError):
                self._accepted.shutdown(socket.SHUT_RDWR)  # wakes a thread that sends to a client that does not read
        self._from_client.join(REPLY_TIMEOUT)

    def _run(self) -> None:
        try:
            if self._connect():
                self._from_server.start()
                self._pass_on()
                self._from_server.join()
            if not self._broken.is_set():
                self._via.ask("close_outgoing", connection=self._number, reset=False)
        except LabError:  # the host or the lab has ended
            self._break_off()
        finally:
            self._accepted.close()

    def _connect(self) -> bool:
        address, port = self._target
        with self._order:
            if self._broken.is_set():
                return False
            connecting = self._via.begin("connect", connection=self._number, address=address, port=port)
        failure = connecting.result()  # the kernel gives up by itself (tcp(7), tcp_syn_retries)
        if failure is not None:
            self._break_off()
        return failure is None

    def _pass_on(self) -> None:
        """Send on what the client sends, until its end."""
        while not self._broken.is_set():
            try:
                data = self._accepted.recv(_CHUNK)
            except OSError:
                self._break_off()
                return
            if self._broken.is_set():
                return
            if not data:
                self._via.ask("end_outgoing", connection=self._number)
                return
            taken = self._via.begin("write_outgoing", connection=self._number, data=data).result()
            if not taken:
                self._break_off()

    def _pass_back(self) -> None:
        """Send the client what the server sends, until its end."""
        try:
            while True:
                data = self._via.begin("read_outgoing", connection=self._number).result()
                if data is None:
                    self._break_off()
                    return
                if not data:
                    self._accepted.shutdown(socket.SHUT_WR)
                    return
                self._accepted.sendall(data)
        except (LabError, OSError):
            self._break_off()

    def _break_off(self) -> None:
        """Reset both connections; what waits for one of them goes on."""
        with self._order:
            if self._broken.is_set():
                return
            self._broken.set()
            with suppress(LabError):
                self._via.begin("close_outgoing", connection=self._number, reset=True)
        with suppress(OSError):
            self._accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)  # close resets
            self._accepted.shutdown(socket.SHUT_RD)  # wakes recv
