"""The relay: a process, forked by the wire's agent, that carries out faults in user space.

The wire's agent redirects what a bridge port would send toward its host (clsact, u32, mirred) into a veth pair, whose
other end is in the relay's own, otherwise empty, network namespace. The relay reads each frame there, decides, and
sends it out of the port by a raw socket that bypasses the port's qdisc. When the relay dies, the kernel removes its
namespace and the veth pair, and the redirect drops every frame: otherwise the lab would go on without its faults.
"""

import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from badwire.agent.relay.log import Unpacker, pack
from badwire.agent.relay.loop import RelayLoop
from badwire.errors import AgentLost, NoPermission, Timeout, from_wire, to_wire
from badwire.linux import libc, scheduling
from badwire.linux.fork import fork

_ANSWER_WITHIN = 10.0  # seconds; an answer takes microseconds, so only a stuck relay exceeds it
_SILENT = f"The relay did not answer within {_ANSWER_WITHIN:g} s; see its last output in the log."
_ENDED = "The relay, which carries out the faults, has ended, and the wire drops every frame; run again."


class Relay:
    """The agent's handle of the relay.

    Events may arrive with the answer to any request: call ``events`` after each, and whenever ``fileno`` is readable.
    """

    def __init__(self) -> None:
        self.pid = 0
        self._events: list[dict[str, Any]] = []
        self._unpacker = Unpacker()
        self._link: socket.socket

    def start(self) -> Self:
        """Fork the relay; returns when it is in its own network namespace.

        Raises:
            NoPermission: the kernel forbids the namespace.
        """
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        parent = os.getpid()
        sys.stderr.flush()
        self.pid = fork(lambda: _run(theirs, parent))
        theirs.close()
        self._answer()
        return self

    def add_port(self, host: str, tx: socket.socket, rx_name: str) -> None:
        """Add the port toward ``host``.

        Bring the other end of the veth pair up only after this: an end that is up before its peer drops frames.

        Args:
            tx: a raw socket bound to the port, with PACKET_QDISC_BYPASS; the relay gets a copy, so close yours.
            rx_name: the end of the veth pair in the namespace of ``pid``; the relay brings it up.
        """
        self._ask({"do": "add_port", "host": host, "rx": rx_name}, tx)

    def set_wire_socket(self, raw_socket: socket.socket) -> None:
        """Send the wire's own frames by a raw socket bound to the bridge; the relay gets a copy, so close yours."""
        self._ask({"do": "set_wire_socket"}, raw_socket)

    def set(
        self,
        toward: Mapping[str, Sequence[Mapping[str, Any]]],
        seed: int | str,
        addresses: Mapping[str, bytes],
    ) -> int:
        """Replace all faults toward hosts; returns since when they are in force (ns, CLOCK_MONOTONIC).

        Frames that are already delayed keep their time; frames that a lifted fault kept go on.

        Args:
            toward: the faults by the host's name; those toward other hosts stay.
            seed: of the random numbers.
            addresses: the MAC addresses of the hosts whose frames a fault selects, by their names.

        Raises:
            BadFault: a field of a fault is out of range, and nothing was replaced.
        """
        described: dict[str, list[dict[str, Any]]] = {}
        for host, faults in toward.items():
            described[host] = [dict(fault) for fault in faults]  # marshal cannot encode any other mapping
        since = self._ask({"do": "set", "toward": described, "seed": seed, "addresses": dict(addresses)})
        return int(since)

    def release(self, host: str) -> int:
        """Release the frames that every Hold and Late toward ``host`` keeps; returns their number."""
        frames = self._ask({"do": "release", "host": host})
        return int(frames)

    def watch(self, snaplen: int) -> None:
        """From now on log decisions and delivered frames, with at most ``snaplen`` bytes of each frame."""
        self._ask({"do": "watch", "snaplen": snaplen})

    def flush(self) -> None:
        """When this returns, ``events`` has everything until now."""
        self._ask({"do": "flush"})

    def unwatch(self) -> None:
        """Stop logging; when this returns, ``events`` has everything until now."""
        self._ask({"do": "unwatch"})

    def fileno(self) -> int:
        """The descriptor that is readable when there are events, or when the relay has ended."""
        return self._link.fileno()

    def events(self) -> list[dict[str, Any]]:
        """The events since the last call, without waiting.

        {"event": "frames", "frames": [[t_ns, host, "out", length, bytes], ...]}
            Frames delivered to a host. With "in" in place of "out", and "wire" as the host: sent by the wire itself.
        {"event": "decision", "t": ns, "toward": host, "fault": name, "verdict": verdict, "frame": bytes}
            The fault "wire" means a drop by no fault: the port's queue was full, or the interface refused the frame.
        {"event": "lost", "t": ns, "toward": host, "frames": n}
            Frames that the relay was too slow to read; with None for the host, events that the agent was too slow to
            read.

        Raises:
            AgentLost: the relay has ended.
        """
        while True:
            try:
                self._receive()
            except BlockingIOError:
                events = self._events
                self._events = []
                return events

    def close(self) -> None:
        """End the relay; its interfaces and every frame that it still delays go with it."""
        self._link.close()
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0

    def _ask(self, request: dict[str, Any], *sockets: socket.socket) -> Any:
        data = pack(request)
        fds = [sock.fileno() for sock in sockets]
        poll = select.poll()
        poll.register(self._link, select.POLLOUT)
        try:
            while data:
                if not poll.poll(_ANSWER_WITHIN * 1000):
                    raise Timeout(_SILENT)
                sent = socket.send_fds(self._link, [data], fds)
                data = data[sent:]
                fds = []
        except (BrokenPipeError, ConnectionResetError):
            raise AgentLost(_ENDED) from None
        return self._answer()

    def _answer(self) -> Any:
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        while True:
            if not poll.poll(_ANSWER_WITHIN * 1000):
                raise Timeout(_SILENT)
            for answer in self._receive():
                if "error" in answer:
                    raise from_wire(answer)
                return answer["ok"]

    def _receive(self) -> list[dict[str, Any]]:
        try:
            data = self._link.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            raise AgentLost(_ENDED)
        answers: list[dict[str, Any]] = []
        for kind, value in self._unpacker.feed(data):
            if kind == "events":
                self._events += value
            else:
                answers.append(value)
        return answers


def _run(link: socket.socket, parent: int) -> None:
    """The relay's main function, after the fork."""
    # The agent's objects must not be collected here, nor its descriptors kept open.
    gc.disable()
    gc.freeze()
    _detach_from_agent(link.fileno(), parent)
    try:
        libc.unshare(libc.CLONE_NEWNET)
    except OSError as error:
        failure = NoPermission(
            f"The relay cannot have a network namespace ({error.strerror}); run as root, or allow user namespaces."
        )
        _send_answer(link, to_wire(failure))
        return
    libc.drop_capabilities(libc.CAP_SYS_ADMIN)
    scheduling.come_first()
    _send_answer(link, {"ok": None})
    RelayLoop(link).run()


def _send_answer(link: socket.socket, answer: Mapping[str, Any]) -> None:
    message = pack(["answer", answer])
    link.sendall(message)


def _detach_from_agent(link: int, parent: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the lab, which then closes the link
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    os.closerange(3, link)
    os.closerange(link + 1, os.sysconf("SC_OPEN_MAX"))
