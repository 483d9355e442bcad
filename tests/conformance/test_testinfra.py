"""testinfra sees a host as the lab does, the same on every substrate."""

import os

import pytest

from badwire.errors import RunError
from badwire.options import CLOCK
from badwire.testbed import Lab
from tests.conformance.conftest import Opener


def test_it_sees_what_the_lab_made(opener: Opener) -> None:
    """In one lab, since a lab in containers on the virtual clock takes ten seconds of real time to come up."""
    with opener(sysctls={"server": {"net.ipv4.tcp_sack": "0"}}) as lab:
        server, client = lab.host("server"), lab.host("client")
        seen = server.testinfra
        assert seen.backend.get_pytest_id() == "badwire://server"

        server.listen(7000)
        assert seen.socket("tcp://0.0.0.0:7000").is_listening
        assert not seen.socket("tcp://7001").is_listening
        client.connect(server.at(7000))
        client.wait_until(state="ESTABLISHED", port=7000)
        ((address, _),) = seen.socket("tcp://0.0.0.0:7000").clients
        assert address == client.address

        settings = (seen.sysctl("net.ipv4.tcp_sack"), client.testinfra.sysctl("net.ipv4.tcp_sack"))
        assert settings == (0, 1) == (int(server.sysctl("net.ipv4.tcp_sack")), int(client.sysctl("net.ipv4.tcp_sack")))

        assert seen.interface("lo").exists and not seen.interface("eth7").exists
        addresses = [address for name in seen.interface.names() for address in seen.interface(name).addresses]
        assert server.address in addresses and client.address not in addresses
        assert client.testinfra.addr(server.address).is_resolvable

        assert seen.file("/proc/net/tcp").exists and not seen.file("/no/such/file").exists
        # 7000 is 1B58 in hexadecimal.
        assert seen.file("/proc/net/tcp").contains(":1B58 ")

        failed = seen.run("echo out; echo err >&2; exit 3")
        assert (failed.rc, failed.stdout, failed.stderr) == (3, "out\n", "err\n")
        assert seen.run("kill -9 $$").rc == 137
        assert seen.check_output("printf %s", "a 'b'\n$c") == "a 'b'\n$c"
        with pytest.raises(RunError, match=r"yes on server printed more than \d+ bytes"):
            seen.run("yes | head -c 2000000")


def test_it_sees_the_processes_of_a_host(lab: Lab) -> None:
    server = lab.host("server")
    server.start("echo_serial", 7000)
    seen = server.testinfra
    if os.environ.get(CLOCK) == "virtual":
        # testinfra's process asks for lstart too, and procps 4 does not find the boot time in that kernel.
        arguments = seen.check_output("ps -Ao args").splitlines()
    else:
        arguments = [process.args for process in seen.process.filter()]
    assert [line for line in arguments if line.endswith("echo_serial.py 7000")]
