"""The other side of ``wire_network``: the process in which the wire's agent and the hosts' processes live."""

import json
import os
import pwd
import signal
import socket
import subprocess
import traceback
from collections.abc import Callable

from badwire.agent.host import system
from badwire.agent.server import serve
from badwire.agent.wire import (
    agent,  # noqa: F401  (wire: before the change of user, who may not read our files)
    links,
)
from badwire.linux import libc
from badwire.linux.netlink import Netlink


def in_child(life: Callable[[], None]) -> None:
    try:
        life()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def become(user: str | None) -> None:
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


def live(
    user: str | None, bridge: str | None, control: socket.socket, pipe: socket.socket, hosts: list[socket.socket]
) -> None:
    become(user)
    pids = []
    for mine in hosts:
        moved, notify = os.pipe()
        pid = os.fork()
        if not pid:
            for other in (control, pipe, *(sock for sock in hosts if sock is not mine)):
                other.close()
            in_child(lambda mine=mine, notify=notify: _be_a_host(mine, notify))  # type: ignore[misc]
        os.close(notify)
        os.read(moved, 1)
        os.close(moved)
        pids.append(pid)
    for mine in hosts:
        mine.close()
    if bridge is not None:
        _make_ports(bridge, pids)
    control.sendall(json.dumps(pids).encode())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(pipe.fileno(), pipe.fileno(), None)
    pipe.close()
    if bridge is not None:
        control.sendall(subprocess.check_output("tc qdisc show; ip link show", shell=True))
    for pid in pids:
        os.waitpid(pid, 0)


def _make_ports(bridge: str, pids: list[int]) -> None:
    commands = [f"ip link add {bridge} type bridge mcast_snooping 0", f"ip link set {bridge} up"]
    for number, pid in enumerate(pids):
        commands += [
            f"ip link add veth{number} index {20 + number} type veth peer name eth0 netns {pid}",
            f"ip link set veth{number} master {bridge} up",
        ]
    subprocess.run(" && ".join(commands), shell=True, check=True)


def _be_a_host(control: socket.socket, notify: int) -> None:
    libc.unshare(libc.CLONE_NEWNET)
    os.close(notify)
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
        elif request["do"] == "describe":
            index = socket.if_nametoindex("eth0")
            # /sys shows the namespace in which it was mounted, so this comes from netlink.
            mac = system.numbers("eth0")["mac"]
            control.sendall(json.dumps({"ifindex": index, "iflink": _link_of(index), "mac": mac}).encode())
        else:
            with socket.socket(*request["how"]) as made:
                socket.send_fds(control, [b"fd"], [made.fileno()])


def _link_of(index: int) -> int:
    netlink = Netlink()
    (link,) = links.find(netlink, index)
    netlink.close()
    assert link.peer is not None
    return link.peer
