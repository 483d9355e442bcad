"""Queries for several things, of a run in which nothing happened: each is empty, and none is None."""

import inspect
from collections.abc import Mapping

import pytest

from badwire.evidence import Evidence
from badwire.evidence.host import HostEvidence
from badwire.evidence.wire import WireEvidence
from tests.claims.written import Written

WRITTEN = Written()
WRITTEN.sample("server", 0.1, [])
WRITTEN.sample("client", 0.1, [])
RUN = WRITTEN.evidence()
PLURAL = ("Records", "tuple[", "Mapping[")


def plural(kind: type) -> list[str]:
    """The public queries of this class that return several things and need no argument."""
    found = []
    for name, member in inspect.getmembers(kind):
        function = getattr(member, "fget", None) or getattr(member, "func", None) or member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        needed = [each for each in signature.parameters.values() if each.default is each.empty and each.name != "self"]
        variable = all(each.kind is each.VAR_POSITIONAL for each in needed)
        if variable and str(signature.return_annotation).rpartition("badwire.evidence.records.")[2].startswith(PLURAL):
            found.append(name)
    return found


@pytest.mark.parametrize(
    ("of", "name"),
    [
        *((RUN, name) for name in plural(Evidence)),
        *((RUN.host("server"), name) for name in plural(HostEvidence)),
        *((RUN.wire, name) for name in plural(WireEvidence)),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_it_is_empty(of: object, name: str) -> None:
    query = getattr(of, name)
    found = query() if callable(query) and not isinstance(query, tuple | Mapping) else query
    assert isinstance(found, tuple | Mapping)
    if name not in ("hosts", "addresses", "records", "table_samples", "samples_with"):  # two hosts, a sample each
        assert len(found) == 0


def test_there_are_such_queries() -> None:
    assert {"frames", "segments", "datagrams", "programs", "faults", "decisions"} <= set(plural(Evidence))
