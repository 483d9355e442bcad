"""The wire on a bridge that somebody else made: it touches its own ports only, and leaves nothing on them."""

import os
import socket
from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from tests.agent.wire.wire_network import network, why_not


def test_a_bridge_that_an_engine_made_is_left_as_it_was() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make the links that an engine makes")
    if why := why_not():
        require.lacking(why, {"netns"})
    with network(2, bridge="engine0") as made:
        client, server = made.hosts
        made.ok("bridge", name="engine0", mtu=1500)
        for number, host in enumerate(made.hosts):
            eth0 = host.interface()
            assert eth0["iflink"] == 20 + number
            port = {
                "host": host.name,
                "number": number,
                "ifindex": eth0["ifindex"],
                "iflink": eth0["iflink"],
                "mac": eth0["mac"],
            }
            wrong = made.ask("ports", ports=[{**port, "ifindex": eth0["ifindex"] + 5}])
            assert wrong["error"] == "MachineError" and "belongs to another" in wrong["text"]
            stranger = made.ask("ports", ports=[{**port, "iflink": 1}])
            assert "lo is not a port of this lab's bridge" in stranger["text"]
            made.ok("ports", ports=[port])
            host.set_up()
        made.ok("open")
        made.ok("watch", snaplen=200)
        held = int(Path(f"/proc/{made.pid}/status").read_text().split("CapEff:")[1].split()[0], 16)
        assert not held >> 21 & 1  # CAP_SYS_ADMIN was given up
        near, far = (host.open(socket.AF_INET, socket.SOCK_DGRAM) for host in (client, server))
        with near, far:
            far.bind((server.address, 5000))
            made.ok("faults", toward={"h1": [{"name": "delay", "time": 0.01}]}, engine="relay", seed=1)
            near.sendto(b"hello", far.getsockname())
            assert far.recv(100) == b"hello"
        assert made.ok("unwatch")["dropped"] == 0
        assert [frame[4][-5:] for frame in made.frames()].count(b"hello") == 2  # sent, and delivered
    assert "clsact" not in made.left
    assert "veth0" in made.left and "lab" not in made.left


def test_a_bridge_that_is_not_there() -> None:
    if why := why_not():
        require.lacking(why, {"netns"})
    with network(0) as made:
        answer = made.ask("bridge", name="nowhere0", mtu=1500)
    assert (answer["error"], "no bridge nowhere0" in answer["text"]) == ("BadTopology", True)
