"""The public names, listed here again, so that none is added or removed by accident."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from badwire import api, faults
from tests.command_line import PACKAGE, ROOT
from tests.quick import no_leftovers as no_leftovers

NAMES = sorted(
    """
    FAILS HOLDS UNKNOWN Verdict Check Checks Claim claim
    RFC Book Instrument Kernel Man Source Text
    at_least at_most between did_not_return each each_between equals judge never seen unknown
    Evidence HostEvidence Call Connection Frame NotRecorded Program Records SocketTimeline Span state_changes
    Corrupt Delay Duplicate Fault Hold Late Loss Mtu Nth Partition Rate Reorder Reset
    scenario Host Lab Process Socket Wire open_lab attach compose_up Container HostSpec Topology
    LabError MachineError RequestError RunError errors
    units us ms s minute kbit Mbit Gbit
""".split()  # noqa: SIM905  (a list has a line for each)
)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_these_names_are_public() -> None:
    assert sorted(api.__all__) == NAMES
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_there_with_its_description(name: str) -> None:
    found = getattr(api, name)
    module = getattr(found, "__module__", None)
    if isinstance(found, type) and module is not None and module.startswith("badwire."):
        assert found.__doc__


def test_each_fault_is_public() -> None:
    assert {fault.__name__ for fault in faults.FAULTS.values()} <= set(NAMES)


def imports(document: Path) -> list[tuple[str, str]]:
    """The module and the name of each import from the package in the Python listings of a document."""
    found = []
    for listing in re.findall(r"^```python\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL):
        lines = [line for line in listing.splitlines() if line.startswith("from badwire")]  # a listing may be a part
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("badwire"):
                found += [(str(node.module), alias.name) for alias in node.names]
    return found


def test_what_the_documents_import_is_public() -> None:
    named = [each for document in DOCUMENTS for each in imports(document)]
    assert named
    for module, name in named:
        found = getattr(importlib.import_module(module), name)
        assert name in NAMES, f"{name} of {module}"
        assert getattr(api, name) is found


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").read_bytes() == b""
