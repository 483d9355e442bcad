"""The faults, one a file; this table is how the command line and the agents find them by name."""

from collections.abc import Mapping
from typing import Any

from lab.errors import BadFault
from lab.faults.corrupt import Corrupt
from lab.faults.delay import Delay
from lab.faults.duplicate import Duplicate
from lab.faults.fault import Answering, Decision, Fault, Keeping, Rule
from lab.faults.hold import Hold
from lab.faults.late import Late
from lab.faults.loss import Loss
from lab.faults.mtu import Mtu
from lab.faults.netem import Netem, combine
from lab.faults.nth import Nth
from lab.faults.partition import Partition
from lab.faults.rate import Rate
from lab.faults.reorder import Reorder

FAULTS: dict[str, type[Fault]] = {
    fault.name: fault for fault in (Mtu, Partition, Loss, Nth, Hold, Late, Duplicate, Corrupt, Delay, Rate, Reorder)
}


def from_json(data: Mapping[str, Any]) -> Fault:
    """The fault that ``Fault.to_json`` described. BadFault when the name, or a field, is not one of ours."""
    name = data.get("name")
    if not isinstance(name, str) or name not in FAULTS:
        raise BadFault(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.")
    return FAULTS[name].from_json(data)


__all__ = [
    "FAULTS", "Answering", "Corrupt", "Decision", "Delay", "Duplicate", "Fault", "Hold", "Keeping", "Late", "Loss",
    "Mtu", "Netem", "Nth", "Partition", "Rate", "Reorder", "Rule", "combine", "from_json",
]  # fmt: skip
