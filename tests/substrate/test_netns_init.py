"""What all programs of a netns lab have in common."""

import os
import re
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from badwire.substrate.netns import Netns
from badwire.substrate.netns_containment import MAX_PROCESSES, PID_MAX_PER_NAMESPACE
from badwire.substrate.netns_init import _DERIVED_SYSCTLS, _TCP_SLOTS
from badwire.testbed import open_lab
from badwire.topology.topology import Topology
from tests.conftest import lack_of

IPV4 = Path("/proc/sys/net/ipv4")
PID_MAX = "/proc/sys/kernel/pid_max"
RELEASE = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])


@pytest.mark.skipif(RELEASE < PID_MAX_PER_NAMESPACE, reason="this kernel has one pid_max for the whole machine")
def test_a_program_that_forks_without_end_fills_its_lab_and_not_the_machine(tmp_path: Path) -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    before = Path(PID_MAX).read_text()
    with open_lab(Topology.of("server"), Netns(), folder=tmp_path / "run") as lab:
        assert int(lab.host("server").run("/bin/cat", PID_MAX).out) == MAX_PROCESSES
    assert Path(PID_MAX).read_text() == before


def test_a_host_has_a_small_table_of_tcp_sockets_and_the_settings_of_this_machine(tmp_path: Path) -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})
    derived = {f"net.ipv4.{name}": (IPV4 / name).read_text().strip() for name in _DERIVED_SYSCTLS}
    shared = IPV4 / "tcp_ehash_entries"
    with open_lab(Topology.of("server"), Netns(), folder=tmp_path / "run") as lab:
        server = lab.host("server")
        assert {name: server.sysctl(name) for name in derived} == derived
        if shared.exists() and abs(int(shared.read_text())) > _TCP_SLOTS:
            assert int(server.sysctl("net.ipv4.tcp_ehash_entries")) == _TCP_SLOTS
