"""A real wire to test: the wire's agent behind a pipe, and two hosts, each in a network namespace of its own.

Nothing stands in for anything: the agent is the one that labs run, the namespaces are the kernel's. A test opens its
sockets *in* a host: the host's process makes them and hands them over, and a socket stays in its namespace.
"""

import json
import os
import pwd
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lab.agent import libc, system
from lab.agent.messages import Decoder, Message, encode
from lab.agent.serve import serve

MTU = 1500


class Host:
    """A host's process, asked over a socket pair."""

    def __init__(self, name: str, number: int, control: socket.socket, pid: int) -> None:
        self.name, self.address = name, f"10.0.0.{number + 2}"
        self._control, self.pid = control, pid

    def set_up(self) -> None:
        self._ask({"do": "set_up", "address": f"{self.address}/24"})

    def open(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket in this host's namespace, with a time-out of 5 s."""
        self._control.sendall(json.dumps({"do": "open", "how": [family, kind, protocol]}).encode())
        _, fds, _, _ = socket.recv_fds(self._control, 64, 1)
        made = socket.socket(fileno=fds[0])
        made.settimeout(5)
        return made

    def _ask(self, request: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(request).encode())
        answer = self._control.recv(4096)
        assert answer == b"ok", answer


class Ground:
    """The agent's pipe and the hosts."""

    def __init__(self, pipe: socket.socket, hosts: list[Host], pid: int) -> None:
        self.pipe, self.hosts, self.pid = pipe, hosts, pid
        self.events: list[Message] = []
        self._decoder, self._answers, self._ids = Decoder(), {}, 0  # type: ignore[var-annotated]
        pipe.settimeout(15)

    def ask(self, do: str, **parameters: Any) -> Any:
        """The whole reply; events that come before it are kept in ``events``."""
        self._ids += 1
        self.pipe.sendall(encode({"id": self._ids, "do": do, **parameters}))
        while self._ids not in self._answers:
            self._read()
        return self._answers.pop(self._ids)

    def ok(self, do: str, **parameters: Any) -> Any:
        answer = self.ask(do, **parameters)
        assert "ok" in answer, answer
        return answer["ok"]

    def wait_for(self, event: str, which: Callable[[Message], bool] = lambda event: True) -> Message:
        while True:
            for found in self.events:
                if found["event"] == event and which(found):
                    return found
            self._read()

    def frames(self) -> list[list[Any]]:
        return [frame for event in self.events if event["event"] == "frames" for frame in event["frames"]]

    def _read(self) -> None:
        data = self.pipe.recv(1 << 16)
        if not data:
            raise EOFError("the wire's agent is gone")
        for message in self._decoder.feed(data):
            if "event" in message:
                self.events.append(message)
            else:
                self._answers[message["id"]] = message

    def connect(self) -> None:
        """Bridge, ports, hosts set up, capture running: as a lab does it."""
        self.ok("bridge", name=None, mtu=MTU)
        for host in self.hosts:
            self.ok("port", host=host.name, pid=host.pid)
        for host in self.hosts:
            host.set_up()
        self.ok("open")
        self.ok("watch", snaplen=262144)


def why_not(user: str | None = None) -> str | None:
    """None where ``user`` (None: whoever runs the tests) can have a ground here, else the reason; found out by trying."""
    if user is not None and os.geteuid() != 0:
        return "only root can try it as another user"
    pid = os.fork()
    if not pid:
        try:
            _become(user)
        except OSError:
            os._exit(1)
        os._exit(0)
    return None if os.waitpid(pid, 0)[1] == 0 else "this kernel gives no network namespace to this user"


@contextmanager
def ground(hosts: int = 2, user: str | None = None) -> Iterator[Ground]:
    """A ground, ended and removed afterwards."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pipe, other = socket.socketpair()
    controls = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(hosts)]
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        for ours in (control, pipe, *(mine for mine, _ in controls)):
            ours.close()
        _in_child(lambda: _live(user, theirs, other, [far for _, far in controls]))
    for unused in (theirs, other, *(far for _, far in controls)):
        unused.close()
    try:
        pids = json.loads(control.recv(65536) or b"[]")
        assert len(pids) == hosts, "the ground did not come up; its traceback is above"
        made = [Host(f"h{n}", n, mine, pids[n]) for n, (mine, _) in enumerate(controls)]
        yield Ground(pipe, made, pid)
    finally:
        for sock in (pipe, control, *(mine for mine, _ in controls)):
            sock.close()
        os.waitpid(pid, 0)


def _in_child(life: Callable[[], None]) -> None:
    try:
        life()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _become(user: str | None) -> None:
    if user is not None:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
        libc.prctl(4, 1)  # PR_SET_DUMPABLE: its /proc files are its own again, the map of its users among them
    uid, gid = os.geteuid(), os.getegid()
    if uid:
        libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNET)
        for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{file}", "w") as opened:
                opened.write(text)
    else:
        libc.unshare(libc.CLONE_NEWNET)


def _live(user: str | None, control: socket.socket, pipe: socket.socket, hosts: list[socket.socket]) -> None:
    _become(user)
    pids = []
    for mine in hosts:
        moved, tell = os.pipe()
        pid = os.fork()
        if not pid:
            for other in (control, pipe, *(sock for sock in hosts if sock is not mine)):
                other.close()
            _in_child(lambda mine=mine, tell=tell: _be_a_host(mine, tell))  # type: ignore[misc]
        os.close(tell)
        os.read(moved, 1)
        os.close(moved)
        pids.append(pid)
    for mine in hosts:
        mine.close()
    control.sendall(json.dumps(pids).encode())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve("wire", pipe.fileno(), pipe.fileno(), "/tmp", None)
    pipe.close()
    for pid in pids:
        os.waitpid(pid, 0)


def _be_a_host(control: socket.socket, tell: int) -> None:
    libc.unshare(libc.CLONE_NEWNET)
    os.close(tell)
    while data := control.recv(4096):
        request = json.loads(data)
        if request["do"] == "set_up":
            for name in ("all", "default"):
                system.write_sysctl(f"net.ipv6.conf.{name}.disable_ipv6", "1")
            system.turn_offloads_off("eth0")
            system.set_address("eth0", request["address"])
            system.up("eth0")
            system.up("lo")
            control.sendall(b"ok")
        else:
            with socket.socket(*request["how"]) as made:
                socket.send_fds(control, [b"fd"], [made.fileno()])
