"""A real wire to test: the wire's agent behind a pipe, and two hosts, each in a network namespace of its own.

Nothing stands in for anything: the agent is the one that labs run, the namespaces are the kernel's. A test opens its
sockets *in* a host: the host's process makes them and hands them over, and a socket stays in its namespace.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from badwire.packets import pcapng
from badwire.util.jsonlines import Decoder, Message, pack
from tests import second_witness
from tests.agent.wire.wire_child import become, in_child, live

MTU = 1500


class Host:
    """A host's process, asked over a socket pair."""

    def __init__(self, name: str, number: int, control: socket.socket, pid: int) -> None:
        self.name, self.address = name, f"10.0.0.{number + 2}"
        self._control, self.pid = control, pid

    def set_up(self) -> None:
        self._control.sendall(json.dumps({"do": "set_up", "address": f"{self.address}/24"}).encode())
        answer = self._control.recv(4096)
        assert answer == b"ok", answer

    def interface(self) -> dict[str, Any]:
        """Its eth0 as a host's agent describes it."""
        self._control.sendall(json.dumps({"do": "describe"}).encode())
        described: dict[str, Any] = json.loads(self._control.recv(4096))
        return described

    def open(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket in this host's namespace, with a time-out of 5 s."""
        self._control.sendall(json.dumps({"do": "open", "how": [family, kind, protocol]}).encode())
        _, fds, _, _ = socket.recv_fds(self._control, 64, 1)
        made = socket.socket(fileno=fds[0])
        made.settimeout(5)
        return made


class HostNetwork:
    """The agent's pipe and the hosts."""

    def __init__(self, pipe: socket.socket, hosts: list[Host], pid: int) -> None:
        self.pipe, self.hosts, self.pid = pipe, hosts, pid
        self.events: list[Message] = []
        self.left = ""
        """With a bridge to adopt: its namespace's qdiscs and links after the agent ended."""
        self._decoder, self._answers, self._ids = Decoder(), {}, 0  # type: ignore[var-annotated]
        pipe.settimeout(15)

    def ask(self, do: str, **parameters: Any) -> Any:
        """The whole reply; events that come before it are kept in ``events``."""
        self.begin(do, **parameters)
        return self.finish()

    def begin(self, do: str, **parameters: Any) -> None:
        self._ids += 1
        self.pipe.sendall(pack({"id": self._ids, "do": do, **parameters}))

    def finish(self) -> Any:
        while self._ids not in self._answers:
            self._read()
        return self._answers.pop(self._ids)

    def ok(self, do: str, **parameters: Any) -> Any:
        answer = self.ask(do, **parameters)
        assert "ok" in answer, answer
        return answer["ok"]

    def wait_for(self, *kinds: str, which: Callable[[Message], bool] = lambda event: True) -> Message:
        while True:
            for found in self.events:
                if found["event"] in kinds and which(found):
                    return found
            self._read()

    def frames(self) -> list[list[Any]]:
        """Time, host, direction, length and bytes of each frame in the events so far."""
        return [frame for event in self.events for frame in self.frames_of(event)]

    def frames_of(self, event: Message) -> list[list[Any]]:
        """What the relay or the capture reports with this event."""
        if event["event"] == "frames":
            return [*event["frames"]]
        if event["event"] != "blocks":
            return []
        names = [host.name for host in self.hosts]
        decoded = [pcapng.packet(block.body, block.order, names) for block in pcapng.blocks(event["blocks"])]
        return [[frame.t, frame.port, frame.direction, frame.length, frame.data] for frame in decoded]

    def _read(self) -> None:
        data = self.pipe.recv(1 << 16)
        if not data:
            raise EOFError("the wire's agent is gone")
        for message in self._decoder.feed(data):
            if "event" in message:
                self.events.append(message)
            else:
                self._answers[message["id"]] = message

    def connect(self, snaplen: int = 262144) -> "HostNetwork":
        """Bridge, ports, hosts set up, capture running: as a lab does it."""
        self.ok("bridge", name=None, mtu=MTU)
        ports = [{"host": host.name, "number": number, "pid": host.pid} for number, host in enumerate(self.hosts)]
        self.ok("ports", ports=ports)
        for host in self.hosts:
            host.set_up()
        self.ok("open")
        self.ok("watch", snaplen=snaplen)
        return self

    def relay(self) -> int:
        """The process that the agent forked as its relay."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        (relay,) = {int(child) for child in children} - {host.pid for host in self.hosts}
        return relay

    def run(self, *command: str) -> str:
        """What a command of the system says in the wire's namespace: a second witness."""
        return second_witness.ask(self.pid, "net", *command)


def why_not(user: str | None = None) -> str | None:
    """None where ``user`` (None: whoever runs the tests) can have a network here, found out by trying; else why not."""
    if user is not None and os.geteuid() != 0:
        return "only root can try it as another user"
    pid = os.fork()
    if not pid:
        try:
            become(user)
        except OSError:
            os._exit(1)
        os._exit(0)
    return None if os.waitpid(pid, 0)[1] == 0 else "this kernel gives no network namespace to this user"


@contextmanager
def network(hosts: int = 2, user: str | None = None, bridge: str | None = None) -> Iterator[HostNetwork]:
    """A network, removed afterwards; with ``bridge`` a bridge and its ports are there, as an engine makes them."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pipe, other = socket.socketpair()
    controls = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(hosts)]
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        for ours in (control, pipe, *(mine for mine, _ in controls)):
            ours.close()
        in_child(lambda: live(user, bridge, theirs, other, [far for _, far in controls]))
    for unused in (theirs, other, *(far for _, far in controls)):
        unused.close()
    try:
        pids = json.loads(control.recv(65536) or b"[]")
        assert len(pids) == hosts, "the network did not come up; its traceback is above"
        made = [Host(f"h{n}", n, mine, pids[n]) for n, (mine, _) in enumerate(controls)]
        the_ground = HostNetwork(pipe, made, pid)
        yield the_ground
        pipe.close()
        if bridge is not None:
            the_ground.left = control.recv(65536).decode()
    finally:
        for sock in (pipe, control, *(mine for mine, _ in controls)):
            sock.close()
        os.waitpid(pid, 0)
