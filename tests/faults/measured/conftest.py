"""A wire for each engine in turn, the same measurements for both."""

from collections.abc import Iterator

import pytest

from badwire.pytest_plugin import require
from tests.agent.wire.wire_network import network, why_not
from tests.faults.measured.bench import Bench


@pytest.fixture(scope="module", params=["netem", "relay"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A wire with two hosts whose faults this engine carries out."""
    if why := why_not():
        require.lacking(why, {"netns"})
    with network(2) as made:
        lacks = made.connect().ok("facts")["why"]
        if request.param in lacks:
            require.lacking(lacks[request.param], {"netem"} if request.param == "netem" else {"netns"})
        found = Bench(made, request.param)
        yield found
        found.close()
