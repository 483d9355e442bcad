"""The relay: faults carried out in user space, by a process of its own that the wire's agent forks.

The wire's agent redirects what a bridge port would send toward its host (clsact, u32, mirred) to one end of a veth
pair; the other end lies in the relay's own, otherwise empty, network namespace. The relay reads each frame there,
decides, and sends it out of the port by a raw socket that goes past the port's qdisc. When the relay dies, its
namespace and the veth pair go, and the redirect drops everything: a lab without its faults would look as if it worked.
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
from badwire.linux import libc
from badwire.linux.fork import fork

_PATIENCE = 10.0  # seconds for an answer that takes microseconds: only a stuck relay lets it pass


class Relay:
    """The handle that the wire's agent holds.

    Events can come in with the answer to any request: call ``events`` after each, and whenever ``fileno`` can be read.
    """

    def __init__(self) -> None:
        self.pid = 0
        self._events: list[dict[str, Any]] = []
        self._unpacker = Unpacker()
        self._link: socket.socket

    def start(self) -> Self:
        """Fork the relay; returns when it is in its own network namespace. NoPermission where it cannot have one."""
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        parent = os.getpid()
        sys.stderr.flush()
        self.pid = fork(lambda: _live(theirs, parent))
        theirs.close()
        self._answer()
        return self

    def add_port(self, host: str, tx: socket.socket, rx_name: str) -> None:
        """The port toward ``host``.

        Bring the veth's other end up only after this: one that is up before its peer drops frames for a while.

        Args:
            tx: a raw socket bound to the port, with PACKET_QDISC_BYPASS; the relay gets a copy, close yours.
            rx_name: the veth end, already moved into the namespace of ``pid``; the relay brings it up.
        """
        self._ask({"do": "add_port", "host": host, "rx": rx_name}, tx)

    def speak_by(self, voice: socket.socket) -> None:
        """A raw socket bound to the bridge, for what the wire itself sends; the relay gets a copy, close yours."""
        self._ask({"do": "speak_by"}, voice)

    def set(self, host: str, faults: Sequence[Mapping[str, Any]], seed: int | str) -> int:
        """Replace all faults toward ``host``; returns the time (ns, CLOCK_MONOTONIC) from which they hold.

        Frames that wait already keep their time; what a lifted fault kept goes on. BadFault for a fault out of range.
        """
        return int(self._ask({"do": "set", "host": host, "faults": [dict(fault) for fault in faults], "seed": seed}))

    def release(self, host: str) -> int:
        """Let go what every Hold and Late toward ``host`` keeps; returns how many frames that were."""
        return int(self._ask({"do": "release", "host": host}))

    def watch(self, snaplen: int) -> None:
        """From now on tell decisions and delivered frames, of which at most ``snaplen`` bytes each."""
        self._ask({"do": "watch", "snaplen": snaplen})

    def unwatch(self) -> None:
        """Tell no more; when this returns, ``events`` has everything up to now."""
        self._ask({"do": "unwatch"})

    def fileno(self) -> int:
        """Readable when there are events, or when the relay is gone."""
        return self._link.fileno()

    def events(self) -> list[dict[str, Any]]:
        """What happened since the last call, without waiting; AgentLost when the relay is gone.

        {"event": "frames", "frames": [[t_ns, host, "out", length, bytes], ...]}     delivered to that host
            With "in" in place of "out", and "wire" in place of the host: sent by the wire itself.
        {"event": "decision", "t": ns, "toward": host, "fault": name, "verdict": word, "frame": bytes}
            The fault "wire" drops what no fault did: the port's queue was full, or the interface took no more.
        {"event": "lost", "t": ns, "toward": host, "frames": n}
            Frames that the relay was too slow to read; with None for the host, events that nobody read in time.
        """
        while True:
            try:
                self._take()
            except BlockingIOError:
                events, self._events = self._events, []
                return events

    def close(self) -> None:
        """End the relay; its interfaces go with it, and so does every frame that still waits."""
        self._link.close()
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0

    def _ask(self, request: dict[str, Any], *sockets: socket.socket) -> Any:
        try:
            socket.send_fds(self._link, [pack(request)], [sock.fileno() for sock in sockets])
        except (BrokenPipeError, ConnectionResetError):
            raise self._gone() from None
        return self._answer()

    def _answer(self) -> Any:
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        while True:
            if not poll.poll(_PATIENCE * 1000):
                raise Timeout(f"The relay gave no answer for {_PATIENCE:g} s; see its last words in the log.")
            for answer in self._take():
                if "error" in answer:
                    raise from_wire(answer)
                return answer["ok"]

    def _take(self) -> list[dict[str, Any]]:
        try:
            data = self._link.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            raise self._gone()
        told = self._unpacker.feed(data)
        for kind, value in told:
            if kind == "events":
                self._events += value
        return [value for kind, value in told if kind == "answer"]

    def _gone(self) -> AgentLost:
        return AgentLost("The relay, which carries out the faults, has ended; the wire has dropped every frame since.")


def _live(link: socket.socket, parent: int) -> None:
    """The relay's life after the fork."""
    # The agent's objects are not ours: they must not be collected, nor their descriptors kept open.
    gc.disable()
    gc.freeze()
    _leave_the_agent(link.fileno(), parent)
    try:
        libc.unshare(libc.CLONE_NEWNET)
    except OSError as error:
        text = f"The relay cannot have a network of its own ({error.strerror}); run as root, or allow user namespaces."
        link.sendall(pack(["answer", to_wire(NoPermission(text))]))
        return
    libc.give_up(libc.CAP_SYS_ADMIN)
    _be_prompt()
    link.sendall(pack(["answer", {"ok": None}]))
    RelayLoop(link).run()


def _be_prompt() -> None:
    """Wake up in time. Beside two busy processes on two cores, a 10 ms delay's 99th percentile is 53 ms late without
    real-time scheduling and 0.2 ms with it; only root may have it, and the kernel leaves the others 5 % of each second.
    """
    libc.prctl(libc.PR_SET_TIMERSLACK, 1)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def _leave_the_agent(link: int, parent: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the lab, which then closes the link
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
