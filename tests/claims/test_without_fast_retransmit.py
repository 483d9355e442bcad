"""The claims of without_fast_retransmit on histories written by hand: right, wrong, with things missing."""

from collections.abc import Mapping
from typing import Any

from badwire.evidence import Evidence
from scenarios.without_fast_retransmit import FAR, NEAR, WITH, WITHOUT
from tests.claims.cases import verdicts
from tests.claims.flows import Transfer, counted
from tests.claims.written import Written

HOSTS = ("server", WITH, WITHOUT)
TOOK: dict[tuple[int, str], float | None] = {
    (NEAR, WITH): 0.02,
    (NEAR, WITHOUT): 0.226,
    (FAR, WITH): 2.0,
    (FAR, WITHOUT): 2.4,
}
TIMEOUTS: dict[str, int | None] = {WITH: 0, WITHOUT: 2}
AS_RIGHT: dict[Any, Any] = {}


def run(
    took: Mapping[tuple[int, str], float | None] = AS_RIGHT, timeouts: Mapping[str, int | None] = AS_RIGHT
) -> Evidence:
    """A correct history, but for what is changed: seconds of a transfer, None if it did not end; timeouts counted."""
    w = Written(hosts=HOSTS, scenario="without_fast_retransmit")
    for number, ((port, client), seconds) in enumerate({**TOOK, **took}.items()):
        t = 1.0 + 5 * number
        transfer = Transfer(w, t, port, client, way=0.001)
        transfer.data(t, range(1, 5), lost=[3])
        transfer.ack(t + 0.001, 4)
        transfer.sample(t + 0.002)
        if seconds is not None:
            transfer.data(t + seconds - 0.004, [3])
            transfer.ack(t + seconds - 0.001, 5)
    counted(w, "TcpExt_TCPTimeouts", {**TIMEOUTS, **timeouts})
    return w.evidence()


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("timers", {"timeouts": {WITH: 1}}),
    ("timers", {"timeouts": {WITHOUT: 1}}),
    ("near", {"took": {(NEAR, WITHOUT): 0.19}}),  # no timer is so short
    ("near", {"took": {(NEAR, WITH): 0.19}}),  # by 20 %
    ("far", {"took": {(FAR, WITHOUT): 4.0}}),
    ("far", {"took": {(FAR, WITHOUT): 1.9}}),
    ("far", {"took": {(FAR, WITHOUT): 2.81}}),
    ("far", {"took": {(FAR, WITH): 1.0, (FAR, WITHOUT): 1.5}}),
    ("far", {"took": {(FAR, WITH): 3.0, (FAR, WITHOUT): 3.9}}),
]
MISSING: list[tuple[str, dict[str, Any]]] = [
    ("timers", {"timeouts": {WITHOUT: None}}),
    ("near", {"took": {(NEAR, WITHOUT): None}}),
    ("far", {"took": {(FAR, WITH): None}}),
]
test_verdicts = verdicts("without_fast_retransmit", run, wrong=WRONG, missing=MISSING)
