"""For the tests of the kernel's build: a cache of their own, where there is what a build takes."""

from pathlib import Path

import pytest

from badwire.pytest_plugin import require
from badwire.uml.build import requirements
from badwire.uml.build.sources import Source


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that kernels are kept in; it is not there yet."""
    if missing := requirements.missing(Source(Path(__file__))):
        require.lacking(str(requirements.lack(missing)), {"virtual"})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "badwire" / "kernel"
