"""The faults, one in each file, and the table by which the command line and the agents find them by name."""

from collections.abc import Mapping
from typing import Any

from badwire.errors import BadFault
from badwire.faults.corrupt import Corrupt
from badwire.faults.delay import Delay
from badwire.faults.duplicate import Duplicate
from badwire.faults.fault import Answering, Decision, Fault, Keeping, Netem, Rule, combine
from badwire.faults.hold import Hold
from badwire.faults.late import Late
from badwire.faults.loss import Loss
from badwire.faults.mtu import Mtu
from badwire.faults.nth import Nth
from badwire.faults.partition import Partition
from badwire.faults.rate import Rate
from badwire.faults.reorder import Reorder
from badwire.faults.reset import Reset

_CLASSES: tuple[type[Fault], ...] = (
    Mtu,
    Partition,
    Loss,
    Nth,
    Reset,
    Hold,
    Late,
    Duplicate,
    Corrupt,
    Delay,
    Rate,
    Reorder,
)
FAULTS = {fault.name: fault for fault in _CLASSES}


def from_json(data: Mapping[str, Any]) -> Fault:
    """The fault that ``Fault.to_json`` described. Raises BadFault for an unknown name or field."""
    name = data.get("name")
    if not isinstance(name, str) or name not in FAULTS:
        known = ", ".join(FAULTS)
        raise BadFault(f"There is no fault {name!r}; there are {known}.")
    return FAULTS[name].from_json(data)


__all__ = [
    "FAULTS",
    "Answering",
    "Corrupt",
    "Decision",
    "Delay",
    "Duplicate",
    "Fault",
    "Hold",
    "Keeping",
    "Late",
    "Loss",
    "Mtu",
    "Netem",
    "Nth",
    "Partition",
    "Rate",
    "Reorder",
    "Reset",
    "Rule",
    "combine",
    "from_json",
]
