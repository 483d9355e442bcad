"""What a program finds on its host, the same on every substrate and on either clock."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from badwire.agent.host.defaults import NOBODY
from badwire.errors import BadOption, ProgramNotFound
from badwire.substrate.substrate import Substrate
from badwire.testbed import Lab, open_lab
from badwire.testbed.host import Host
from badwire.topology.topology import Container, HostSpec, Topology

PYTHON = "/usr/bin/python3"

# One row for each thing that a program depends on. `sees` prints the row's value on a host.
ROWS: dict[str, tuple[str, Any]] = {
    "the descriptors of the three streams, and no more": ("sorted(os.listdir('/proc/self/fd'))", ["0", "1", "2", "3"]),
    "user and group, real and effective": (
        "[os.getuid(), os.geteuid(), os.getgid(), os.getegid()]",
        [NOBODY] * 4,
    ),
    "its name for that user": ("pwd.getpwuid(os.getuid()).pw_name", "nobody"),
    "capabilities": ("[line for line in status if line.startswith('CapEff')]", ["CapEff:\t0000000000000000"]),
    "can gain any by a program": ("[line for line in status if line.startswith('NoNewPrivs')]", ["NoNewPrivs:\t1"]),
    "working directory": ("os.getcwd()", "/tmp"),
    "HOME, TMPDIR": ("[os.environ[name] for name in ('HOME', 'TMPDIR')]", ["/tmp", "/tmp"]),
    "folder for temporary files": ("tempfile.gettempdir()", "/tmp"),
    "language": ("os.environ['LANG']", "C.UTF-8"),
    "umask": ("os.umask(0)", 0o022),
    "size of /tmp": ("os.statvfs('/tmp').f_frsize * os.statvfs('/tmp').f_blocks", 64 << 20),
    "size of /dev/shm": ("os.statvfs('/dev/shm').f_frsize * os.statvfs('/dev/shm').f_blocks", 64 << 20),
    "mode of /tmp": ("stat.S_IMODE(os.stat('/tmp').st_mode)", 0o1777),
    "mode of /dev/shm": ("stat.S_IMODE(os.stat('/dev/shm').st_mode)", 0o1777),
    "runs from /tmp": ("runs('/tmp/script')", "ran"),
    "runs from /dev/shm": ("runs('/dev/shm/script')", "EACCES"),
    "writes to /tmp": ("writes('/tmp/file')", "written"),
    "writes to /dev/shm": ("writes('/dev/shm/file')", "written"),
    "renames in /tmp": ("os.rename('/tmp/file', '/tmp/renamed') or os.path.exists('/tmp/renamed')", True),
    "locks a file": ("fcntl.flock(os.open('/tmp/lock', os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX) is None", True),
    "a UNIX socket in /tmp": ("socket.socket(socket.AF_UNIX).bind('/tmp/socket') is None", True),
    "a FIFO in /tmp": ("os.mkfifo('/tmp/fifo') is None", True),
    "a device in /tmp": ("fails(lambda: os.mknod('/tmp/null', stat.S_IFCHR | 0o666, os.makedev(1, 3)))", "EPERM"),
    "writes to /etc/hosts": ("writes('/etc/hosts') in ('EROFS', 'EACCES')", True),
    "opens its output by name": ("[writes('/dev/stdout'), writes('/dev/stderr')]", ["written", "written"]),
    "writes to /": ("writes('/file') in ('EROFS', 'EACCES')", True),
    "writes to /var/tmp": ("writes('/var/tmp/file') in ('EROFS', 'EACCES')", True),
    "port 80": ("socket.socket().bind(('', 80)) is None", True),
    "port 53 of UDP": ("socket.socket(type=socket.SOCK_DGRAM).bind(('', 53)) is None", True),
    "an echo request to itself": ("ping('127.0.0.1')", 0),
    "an echo request to the other host": ("ping('server')", 0),
    "a raw socket": ("fails(lambda: socket.socket(type=socket.SOCK_RAW, proto=6))", "EPERM"),
    "a packet socket": ("fails(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))", "EPERM"),
    "another user": ("fails(lambda: os.setuid(1)) in ('EPERM', 'EINVAL')", True),
    "its groups": ("set(os.getgroups()) <= {65534}", True),
    "an interface of its own": ("[name for _, name in socket.if_nameindex()]", ["lo", "eth0"]),
    "random numbers": ("len(os.urandom(8))", 8),
    "leads a session": ("os.getsid(0) == os.getpid() == os.getpgrp()", True),
    "signals that are blocked or ignored": (
        # without 32 and 33, glibc's own, which its posix_spawn(3) leaves ignored in whatever it starts
        "[hex(int(line.split()[1], 16) & ~(3 << 31)) for line in status if line.startswith(('SigBlk', 'SigIgn'))]",
        [hex(0), hex(1 << 12 | 1 << 24)],  # SIGPIPE and SIGXFSZ, by Python itself
    ),
    "core files": ("resource.getrlimit(resource.RLIMIT_CORE)[0]", 0),
    "standard input at its end": ("os.read(0, 1).hex()", ""),
}
SEES = """
import errno, fcntl, json, os, pwd, resource, socket, stat, subprocess, sys, tempfile

status = open("/proc/self/status").read().splitlines()

def fails(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "nothing"

def writes(path):
    return fails(lambda: open(path, "a").close()).replace("nothing", "written")

def runs(path):
    with open(path, "w") as script:
        script.write("#!/bin/sh\\necho ran\\n")
    os.chmod(path, 0o755)
    try:
        return subprocess.run([path], capture_output=True, text=True).stdout.strip()
    except OSError as error:
        return errno.errorcode[error.errno]

def ping(host):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as made:
        made.settimeout(5)
        made.sendto(bytes((8, 0, 0, 0, 0, 0, 0, 1)), (host, 0))
        return made.recv(100)[0]

print(json.dumps({name: eval(row) for name, row in json.loads(sys.argv[1]).items()}))
"""


@pytest.fixture
def told(substrate: Substrate, tmp_path: Path) -> Iterator[Lab]:
    container = replace(Container(), environment={"GREETING": "hello", "LANG": "C"})
    hosts = (HostSpec("server"), HostSpec("client", container=container))
    with open_lab(Topology(hosts), substrate, folder=tmp_path / "run") as running:
        yield running


def test_a_program_finds_the_same_on_every_host(lab: Lab) -> None:
    rows = json.dumps({name: row for name, (row, _) in ROWS.items()})
    ended = lab.host("client").run(PYTHON, "-c", SEES, rows)
    assert ended.err == ""
    found = json.loads(ended.out)
    expected = {name: value for name, (_, value) in ROWS.items()}
    assert found == expected


def environment(host: Host, **how: Any) -> dict[str, str]:
    ended = host.run("/usr/bin/env", "-0", **how)
    variables = {}
    for pair in ended.out.split("\0")[:-1]:
        name, _, value = pair.partition("=")
        variables[name] = value
    return variables


def test_a_program_has_the_variables_of_its_host_and_those_that_it_is_started_with(told: Lab) -> None:
    client, server = told.host("client"), told.host("server")
    assert {name: environment(client)[name] for name in ("GREETING", "LANG")} == {"GREETING": "hello", "LANG": "C"}
    assert "GREETING" not in environment(server)
    own = environment(client, env={"GREETING": "good\nmorning = é", "HOME": "/dev/shm", "EMPTY": ""})
    assert (own["GREETING"], own["HOME"], own["EMPTY"], own["LANG"]) == ("good\nmorning = é", "/dev/shm", "", "C")
    started = client.start("/bin/sh", "-c", "echo $GREETING", env={"GREETING": "bye"}, ready=False)
    assert started.wait().out == "bye\n"


def test_what_no_program_can_have_is_refused(lab: Lab) -> None:
    client = lab.host("client")
    for wrong in ({"A=B": "c"}, {"A": "b\0c"}):
        with pytest.raises(BadOption, match=r"^/bin/true cannot be started with these arguments and variables \("):
            client.run("/bin/true", env=wrong)
    with pytest.raises(BadOption, match="cannot be started with these arguments"):
        client.run("/bin/echo", "a\0b")
    assert client.run("/bin/sh", "-c", "echo $N", env={"N": 1}).out == "1\n"


def test_no_variable_of_this_machine_reaches_a_program(opener: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BADWIRE_TEST_SECRET", "secret")
    with opener() as lab:
        found = environment(lab.host("client"))
    assert "secret" not in found.values()
    assert {name for name in found if name.startswith(("BADWIRE", "DOCKER", "HOSTNAME"))} == set()


def test_a_program_starts_where_it_is_told_to(opener: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("here\n")
    with opener(mounts=[tmp_path / "file"]) as lab:
        client = lab.host("client")
        assert client.run("/bin/pwd", cwd="/usr/bin").out == "/usr/bin\n"
        assert client.run("/bin/cat", "file", cwd=tmp_path).out == "here\n"
        assert client.start("/bin/pwd", cwd="/", ready=False).wait().out == "/\n"
        with pytest.raises(BadOption, match=r"^cwd= names /no/such, which is not a directory on this host"):
            client.run("/bin/pwd", cwd="/no/such")
        with pytest.raises(BadOption, match=r"^cwd= names /etc/passwd, which is not a directory"):
            client.run("/bin/pwd", cwd="/etc/passwd")
        with pytest.raises(ProgramNotFound):
            client.run("/no/such", cwd="/")


def test_what_a_program_writes_is_its_hosts_own(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    for folder in ("/tmp", "/dev/shm"):
        path = f"{folder}/badwire-test-of-its-own"
        server.run("/bin/sh", "-c", f"echo mine > {path}")
        assert server.run("/bin/cat", path).out == "mine\n"
        assert client.run("/bin/cat", path).status == 1
        assert not os.path.exists(path)


def test_what_a_program_writes_is_limited(lab: Lab) -> None:
    for folder in ("/tmp", "/dev/shm"):
        ended = lab.host("client").run("/bin/sh", "-c", f"head -c 70M /dev/zero > {folder}/large")
        assert "No space left on device" in ended.err
        lab.host("client").run("/bin/rm", f"{folder}/large")


def test_the_backlog_of_a_host_can_be_cut_by_its_sysctl(opener: Any) -> None:
    if os.geteuid() != 0:
        pytest.skip("the kernel hides net.core.somaxconn in a network namespace that is not root's")
    with opener(sysctls={"server": {"net.core.somaxconn": "7"}}) as lab:
        assert lab.host("server").sysctl("net.core.somaxconn") == "7"
        assert lab.host("server").run("/bin/cat", "/proc/sys/net/core/somaxconn").out == "7\n"


def test_a_sysctl_that_is_asked_for_comes_before_the_labs_own(opener: Any) -> None:
    with opener(sysctls={"server": {"net.ipv4.ip_unprivileged_port_start": "1024"}}) as lab:
        bind = "import socket; socket.socket().bind(('', 80))"
        assert "Permission denied" in lab.host("server").run(PYTHON, "-c", bind).err
        assert lab.host("client").run(PYTHON, "-c", bind).status == 0
