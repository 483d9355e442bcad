"""The kernel's own fault engine, the netem qdisc, told what to do by netlink (tc-netem(8), net/sched/sch_netem.c).

Three traps lie here, all of them silent:

- A change leaves standing whatever it does not mention (netem_change looks at each option only if it is there), so
  every message says everything, zeros included.
- Adding or deleting a qdisc on a live interface drops frames while it is put in place (dev_deactivate), and deleting
  one drops what it holds. So a port gets a netem that does nothing before its first frame, and then only changes.
- What was asked and what stands may differ. It is read back and compared.
"""

from pathlib import Path
from typing import Any

from badwire.agent.wire.netlink import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
    RTM_NEWQDISC,
    TC_H_ROOT,
    IPRoute,
    NetlinkError,
    tcmsg,
)
from badwire.errors import MissingCapability, RunError
from badwire.faults.fault import Netem

HANDLE = 0x10000  # 1:0
_UINT32 = 0xFFFFFFFF


def tick_ns() -> int:
    """The kernel's unit of time in traffic control, in ns: the second number of /proc/net/psched; 64 since 2.6.31."""
    return int(Path("/proc/net/psched").read_text().split()[1], 16)


def options(netem: Netem, tick: int) -> dict[str, Any]:
    """The options of struct tc_netem_qopt and of its attributes, in the kernel's own units.

    Args:
        tick: unit of time in ns.

    Raises:
        MissingCapability: a number that the kernel's field cannot hold.
    """
    return {
        "delay": _fits("delay", netem.delay_ns // tick),
        "limit": _fits("limit", netem.limit),
        "loss": _share(netem.loss),
        "gap": _fits("gap", netem.gap),
        "duplicate": _share(netem.duplicate),
        "jitter": _fits("jitter", netem.jitter_ns // tick),
        "attrs": [
            ("TCA_NETEM_CORR", {"delay_corr": 0, "loss_corr": 0, "dup_corr": 0}),
            ("TCA_NETEM_REORDER", {"prob_reorder": _share(netem.reorder), "corr_reorder": 0}),
            ("TCA_NETEM_CORRUPT", {"prob_corrupt": _share(netem.corrupt), "corr_corrupt": 0}),
            ("TCA_NETEM_RATE", _rate(netem)),
        ],
    }


def message(index: int, netem: Netem, tick: int) -> tcmsg:
    """RTM_NEWQDISC that puts ``netem`` at the root of interface ``index``, or changes the one that stands there.

    Not pyroute2's ``tc("replace", "netem", ...)``: that leaves out options that are zero, and cuts times to whole us.
    """
    request = tcmsg()
    request["header"]["type"] = RTM_NEWQDISC
    request["header"]["flags"] = NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE | NLM_F_CREATE
    request["index"] = index
    request["handle"] = HANDLE
    request["parent"] = TC_H_ROOT
    request["attrs"] = [("TCA_KIND", "netem"), ("TCA_OPTIONS", options(netem, tick))]
    return request


def why_not(ipr: IPRoute, index: int) -> str | None:
    """Put a netem that does nothing on interface ``index``; None, or the sentence that says why it cannot be had."""
    try:
        _send(ipr, index, Netem())
    except NetlinkError as error:
        return f"this kernel has no netem qdisc ({error.args[-1]}); load sch_netem, or use the engine relay"
    return None


def change(ipr: IPRoute, index: int, netem: Netem) -> None:
    """Make ``netem`` stand on interface ``index``, and see that it does.

    Raises:
        MissingCapability: the kernel refuses it.
        RunError: something else stands there afterwards.
    """
    try:
        _send(ipr, index, netem)
    except NetlinkError as error:
        raise MissingCapability(f"the kernel refused {netem} ({error.args[-1]}); use the engine relay") from None
    found = standing(ipr, index)
    asked = flat(options(netem, tick_ns()))
    wrong = {name: (value, found.get(name)) for name, value in asked.items() if found.get(name) != value}
    if wrong:
        raise RunError(f"netem does not do what it was told (option: asked, found): {wrong}; use the engine relay")


def standing(ipr: IPRoute, index: int) -> dict[str, int]:
    """The options of the netem at the root of interface ``index``, by name; empty if there is none."""
    for qdisc in ipr.get_qdiscs(index=index):
        if qdisc["parent"] == TC_H_ROOT and qdisc.get_attr("TCA_KIND") == "netem":
            return flat(qdisc.get_attr("TCA_OPTIONS"))
    return {}


def flat(nested: Any) -> dict[str, int]:
    """Every number of an options message by its field's name."""
    fields = {name: value for name, value in nested.items() if isinstance(value, int)}
    for _, attribute in nested["attrs"]:
        if isinstance(attribute, dict):
            fields |= {name: value for name, value in attribute.items() if isinstance(value, int)}
    return fields


def _send(ipr: IPRoute, index: int, netem: Netem) -> None:
    tuple(ipr.nlm_request_batch([message(index, netem, tick_ns())]))


def _rate(netem: Netem) -> dict[str, int]:
    return {"rate": _fits("rate", round(netem.rate_bps / 8)), "packet_overhead": 0, "cell_size": 0, "cell_overhead": 0}


def _share(probability: float) -> int:
    return round(probability * _UINT32)


def _fits(name: str, value: int) -> int:
    if not 0 <= value <= _UINT32:
        raise MissingCapability(f"netem cannot hold a {name} of {value} of its units in 32 bits; use the engine relay")
    return value
