"""What a user reads when no engine can be used."""

import os
import socket
from pathlib import Path

import pytest

from badwire.errors import NoEngine, NoPermission
from badwire.substrate.docker.client import connect
from badwire.substrate.docker.substrate import Docker


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(NoEngine, match=r"unix:///nowhere/docker.sock \(no such file or directory\); start one"):
        connect()
    assert "no such file" in (Docker().check() or "")


@pytest.mark.parametrize("host", ["nonsense", "ssh://nowhere.invalid", "tcp://127.0.0.1:1"])
def test_an_address_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(NoEngine, match=host):
        connect()


def test_no_permission(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        address.chmod(0)
        root = os.geteuid() == 0  # who may open anything
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(NoPermission, match="usermod -aG docker"):
                connect()
        finally:
            if root:
                os.seteuid(0)
