"""What a hostile program cannot do, on every substrate and on either clock."""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from badwire.substrate.substrate import Substrate
from badwire.testbed import Lab, open_lab
from badwire.testbed.host import Host
from badwire.topology.topology import Topology
from badwire.util import project
from tests.end_to_end.running import until

PYTHON = "/usr/bin/python3"
HIDDEN = ("ENOENT", "EACCES")
REFUSED = ("EPERM", "EACCES", "EROFS")

# What the program tries, and the errors that are right. What it prints is the name of the error, or "nothing".
ATTACKS: dict[str, tuple[str, Sequence[str]]] = {
    # files
    "the passwords of this machine": ("open('/etc/shadow')", HIDDEN),
    "a user's file": ("open(secret)", HIDDEN),
    "a user's file by a link of its own": ("os.symlink(secret, '/tmp/link') or open('/tmp/link')", HIDDEN),
    "a user's file by the root of another process": ("open('/proc/1/root' + secret)", HIDDEN),
    "the files of the user's folder": ("os.listdir(os.path.dirname(secret))", HIDDEN),
    "the evidence of this run": ("os.listdir(run)", HIDDEN),
    "the lab's own code": ("open(clone + '/pyproject.toml')", HIDDEN),
    "the disks of this machine": ("os.mknod('/tmp/disk', stat.S_IFBLK | 0o666, os.makedev(254, 0))", REFUSED),
    "the memory of this machine": ("open('/dev/mem')", HIDDEN),
    "the kernel's messages": ("open('/dev/kmsg')", HIDDEN),
    # sockets
    "a UNIX socket of this machine": ("socket.socket(socket.AF_UNIX).connect(unix)", HIDDEN),
    "a UNIX socket without a file": (
        "socket.socket(socket.AF_UNIX).connect('\\0badwire-test-' + port)",
        ("ECONNREFUSED",),
    ),
    "the engine of this machine": ("socket.socket(socket.AF_UNIX).connect('/run/docker.sock')", HIDDEN),
    "a port of this machine": ("socket.create_connection(('127.0.0.1', int(port)))", ("ECONNREFUSED",)),
    "another network": ("socket.create_connection(('192.0.2.1', 9))", ("ENETUNREACH",)),
    "a raw socket": ("socket.socket(type=socket.SOCK_RAW, proto=6)", REFUSED),
    "a packet socket": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", REFUSED),
    "the machine that this machine runs on": ("socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", ("EAFNOSUPPORT",)),
    "the same, by another way to make a socket": ("c('syscall', 425, 1, 0)", ("ENOSYS",)),  # io_uring_setup
    "a link that is taken down": ("take_down('eth0')", REFUSED),
    "100,000 sockets": ("most_sockets(100_000)", ("EMFILE", "ENOMEM", "ENOBUFS")),
    # processes
    "an agent, traced": ("c('ptrace', 16, 1, 0, 0)", REFUSED),
    "an agent, killed by one of its threads": ("kill_threads(1)", (*REFUSED, "ESRCH")),
    "an agent's memory": ("open('/proc/1/mem')", HIDDEN),
    "an agent's environment": ("open('/proc/1/environ').read()", HIDDEN),
    "an agent's descriptors": ("os.listdir('/proc/1/fd')", HIDDEN),
    "an agent's namespaces": ("os.open('/proc/1/ns/mnt', os.O_RDONLY)", HIDDEN),
    "a process of another host, or of this machine": ("other_processes()", ("ESRCH",)),
    "a higher priority": ("os.nice(-1)", REFUSED),
    # settings
    "a sysctl of its host": ("write('/proc/sys/net/ipv4/tcp_sack', '0')", REFUSED),
    "a sysctl of this machine": ("write('/proc/sys/kernel/core_pattern', '|/tmp/own')", REFUSED),
    "the magic keys": ("write('/proc/sysrq-trigger', 'b')", (*REFUSED, "ENOENT")),
    "its host's name": ("socket.sethostname('other')", REFUSED),
    "its host's names": ("write('/etc/hosts', '')", REFUSED),
    "the clock": ("time.clock_settime(time.CLOCK_REALTIME, 0)", REFUSED),
    "a restart": ("c('reboot', 0x1234567)", REFUSED),
    "another user": ("os.setuid(0)", ("EPERM", "EINVAL")),
    # namespaces
    "a mount": ("c('mount', b'none', b'/tmp', b'tmpfs', 0, 0)", REFUSED),
    "a mount that is lifted": ("c('umount2', b'/etc/hosts', 2)", REFUSED),
    "a root directory of its own": ("os.chroot('/tmp')", REFUSED),
    "a user namespace of its own": ("c('unshare', 0x10000000)", (*REFUSED, "ENOSPC")),
    "a network namespace of its own": ("c('unshare', 0x40000000)", REFUSED),
    # what would use up this machine
    "every inode of /tmp": ("most_files('/tmp/inodes')", ("ENOSPC", "EDQUOT")),
}
HOSTILE = """
import ctypes, errno, json, os, resource, socket, stat, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)

def c(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

def write(path, text):
    with open(path, "w") as file:
        file.write(text)

def take_down(interface):
    index = socket.if_nametoindex(interface)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as routing:
        routing.send(struct.pack("=IHHII", 32, 16, 5, 1, 0) + struct.pack("=BxHiII", 0, 0, index, 0, 1))
        number = struct.unpack_from("=i", routing.recv(4096), 16)[0]
    if number:
        raise OSError(-number, "RTM_NEWLINK")

def most_sockets(count):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    made = []
    try:
        while len(made) < count:
            made.append(socket.socket(type=socket.SOCK_DGRAM))
    finally:
        for one in made:
            one.close()

def most_files(folder):
    os.mkdir(folder)
    made = 0
    try:
        while made < 100_000:
            os.close(os.open(f"{folder}/{made}", os.O_CREAT))
            made += 1
    finally:
        for number in range(made):
            os.unlink(f"{folder}/{number}")

def other_processes():
    for pid in os.listdir("/proc"):
        if pid.isdigit() and int(pid) not in (1, os.getpid()):
            return
    raise OSError(errno.ESRCH, "there is none")

def kill_threads(pid):
    for thread in os.listdir(f"/proc/{pid}/task"):
        if thread != str(pid):
            os.kill(int(thread), 0)
    raise OSError(errno.EPERM, "it has no other one")

def outcome(attack):
    try:
        eval(attack)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "nothing"

given = json.load(sys.stdin)
secret, run, clone, unix, port = (given[name] for name in ("secret", "run", "clone", "unix", "port"))
print(json.dumps({name: outcome(attack) for name, attack in given["attacks"].items()}))
"""
DEAF = """
import os, signal, time
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
print("deaf", flush=True)
while True:
    time.sleep(1000)
"""


class Machine:
    """What a program of a lab on this machine must not reach.

    Attributes:
        folder: it has a secret and a UNIX socket, and everybody may enter it.
        given: what the hostile program is told.
    """

    def __init__(self, folder: Path, run: Path) -> None:
        secret = folder / "secret"
        secret.write_text("secret")
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(str(folder / "socket"))
        self.unix.listen()
        self.tcp = socket.create_server(("127.0.0.1", 0))
        port = str(self.tcp.getsockname()[1])
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0badwire-test-{port}")
        self.abstract.listen()
        for path, mode in ((folder, 0o755), (secret, 0o644), (folder / "socket", 0o777)):
            path.chmod(mode)
        attacks = {name: attack for name, (attack, _) in ATTACKS.items()}
        self.given = json.dumps(
            {
                "secret": str(secret),
                "run": str(run),
                "clone": str(project.ROOT),
                "unix": str(folder / "socket"),
                "port": port,
                "attacks": attacks,
            }
        )

    def close(self) -> None:
        for listening in (self.unix, self.tcp, self.abstract):
            listening.close()


def attacked(host: Host, machine: Machine) -> dict[str, str]:
    """The outcome of each attack by a program on this host."""
    ended = host.run(PYTHON, "-c", HOSTILE, typed=machine.given, timeout=120)
    assert ended.err == ""
    outcomes: dict[str, str] = json.loads(ended.out)
    return outcomes


def succeeded(outcomes: dict[str, str]) -> dict[str, str]:
    """The attacks that did not fail as they should."""
    return {name: outcomes[name] for name, (_, right) in ATTACKS.items() if outcomes[name] not in right}


def survives(lab: Lab) -> None:
    """Check that what a hostile program sends to all processes reaches those of its host only."""
    server, client = lab.host("server"), lab.host("client")
    bystander = client.start("/bin/sleep", "1000", ready=False)
    victim = server.start("/bin/sleep", "1000", ready=False)
    deaf = server.start(PYTHON, "-c", DEAF, ready=False)
    deaf.wait_for_output("deaf")
    server.run("/bin/sh", "-c", "kill -9 1; kill -TERM -1; kill -STOP -1; kill -9 -1")
    assert (victim.wait().signal, deaf.wait().signal) == ("SIGTERM", "SIGKILL")
    assert bystander.running
    until(lambda: server.processes() == [], "the end of every process of the host")
    server.listen(7000)
    assert client.connect(server.at(7000)).send(b"still here").errno is None
    bystander.kill()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    folder = tmp_path / "user"
    folder.mkdir()
    made = Machine(folder, tmp_path / "run")
    yield made
    made.close()


def test_a_hostile_program_reaches_nothing_but_its_host(lab: Lab, machine: Machine) -> None:
    outcomes = attacked(lab.host("server"), machine)
    assert succeeded(outcomes) == {}
    survives(lab)
    assert lab.host("server").sysctl("net.ipv4.tcp_sack") == "1"


def test_a_program_sees_what_its_path_and_mounts_name_and_nothing_beside_it(
    substrate: Substrate, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    named, beside, own = tmp_path / "named", tmp_path / "beside", tmp_path / "own" / "program"
    for folder in (named, beside, own.parent):
        folder.mkdir()
        (folder / "file").write_text("here\n")
    own.write_text("#!/bin/sh\necho first\n")
    own.chmod(0o755)
    with open_lab(Topology.of("server"), substrate, folder=tmp_path / "run", mounts=[named, own]) as lab:
        server = lab.host("server")
        assert server.run("/bin/cat", named / "file").out == "here\n"
        assert server.run("/usr/bin/touch", named / "file").status == 1
        assert server.run("/bin/ls", tmp_path).out.split() == ["named", "own"]
        assert server.run("/bin/ls", own.parent).out.split() == ["program"]
        assert server.run(str(own)).out == "first\n"
    assert os.listdir(named) == ["file"]
