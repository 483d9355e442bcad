"""The kernel's fault engine, the netem qdisc, configured by netlink (tc-netem(8), net/sched/sch_netem.c).

Three things can go wrong without an error:

- A change keeps every option that it does not mention (netem_change), so each message has all options, zeros too.
- Adding or deleting a qdisc on a live interface drops frames (dev_deactivate), and deleting one drops the frames in it.
  So a port gets a netem without effect before its first frame, and from then on it is only changed.
- The configuration in force may differ from the one that was asked for, so it is read back and compared.
"""

from collections.abc import Mapping
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
from badwire.errors import MissingCapability, RunError, UnsupportedFault
from badwire.faults.fault import Netem

HANDLE = 0x10000  # 1:0
_UINT32 = 0xFFFFFFFF
_SEED = "TCA_NETEM_PRNG_SEED"


def tick_ns() -> int:
    """The kernel's unit of time in traffic control, in ns: the second field of /proc/net/psched; 64 since 2.6.31."""
    _, tick, *_ = Path("/proc/net/psched").read_text().split()
    return int(tick, 16)


def options(netem: Netem, tick: int) -> dict[str, Any]:
    """The options of struct tc_netem_qopt and of its attributes, in the kernel's own units.

    Args:
        tick: unit of time in ns.

    Raises:
        UnsupportedFault: a value does not fit into the kernel's field.
    """
    return {
        "delay": _checked("delay", netem.delay_ns // tick),
        "limit": _checked("limit", netem.limit),
        "loss": _probability(netem.loss),
        "gap": _checked("gap", netem.gap),
        "duplicate": _probability(netem.duplicate),
        "jitter": _checked("jitter", netem.jitter_ns // tick),
        "attrs": [
            ("TCA_NETEM_CORR", {"delay_corr": 0, "loss_corr": 0, "dup_corr": 0}),
            ("TCA_NETEM_REORDER", {"prob_reorder": _probability(netem.reorder), "corr_reorder": 0}),
            ("TCA_NETEM_CORRUPT", {"prob_corrupt": _probability(netem.corrupt), "corr_corrupt": 0}),
            ("TCA_NETEM_RATE", _rate(netem)),
        ],
    }


def message(index: int, netem: Netem, tick: int, seed: int | None = None) -> tcmsg:
    """RTM_NEWQDISC that adds ``netem`` at the root of interface ``index``, or changes the one that is there.

    A kernel before Linux 6.6 ignores the ``seed``. Without a seed, every kernel takes one of its own.

    pyroute2's ``tc("replace", "netem", ...)`` is not used: it omits options that are zero, and truncates times to us.
    """
    request = tcmsg()
    request["header"]["type"] = RTM_NEWQDISC
    request["header"]["flags"] = NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE | NLM_F_CREATE
    request["index"] = index
    request["handle"] = HANDLE
    request["parent"] = TC_H_ROOT
    asked = options(netem, tick)
    if seed is not None:
        asked["attrs"].append((_SEED, seed))
    request["attrs"] = [("TCA_KIND", "netem"), ("TCA_OPTIONS", asked)]
    return request


def why_not(ipr: IPRoute, index: int) -> str | None:
    """Add a netem without effect to interface ``index``; return None, or a sentence that says why that is
    impossible."""
    try:
        _send(ipr, index, Netem())
    except NetlinkError as error:
        reason = error.args[-1]
        return f"this kernel has no netem qdisc ({reason}); load sch_netem, or use the engine relay"
    return None


def change(ipr: IPRoute, index: int, netem: Netem, seed: int | None = None) -> bool:
    """Configure the netem of interface ``index``, and check the result.

    Args:
        ipr: the netlink socket.
        index: the interface.
        netem: the configuration.
        seed: 64 bits, from which it draws its random numbers; None: whatever the kernel takes.

    Returns:
        Whether it draws from ``seed``, which the kernel can from Linux 6.6 on (TCA_NETEM_PRNG_SEED).

    Raises:
        MissingCapability: the kernel refuses it.
        RunError: another configuration is in force afterwards.
    """
    try:
        _send(ipr, index, netem, seed)
    except NetlinkError as error:
        reason = error.args[-1]
        raise MissingCapability(f"the kernel refused {netem} ({reason}); use the engine relay") from None
    requested = flat(options(netem, tick_ns()))
    in_force = configured(ipr, index)
    wrong: dict[str, tuple[int, int | None]] = {}
    for name, value in requested.items():
        found = in_force.get(name)
        if found != value:
            wrong[name] = (value, found)
    if wrong:
        raise RunError(
            f"netem is not configured as requested (option: requested, found): {wrong}; use the engine relay"
        )
    return seed is not None and in_force.get(_SEED) == seed


def configured(ipr: IPRoute, index: int) -> dict[str, int]:
    """The options of the netem at the root of interface ``index``, by name; empty if there is no netem.

    Its seed is among them, by the name of its attribute, if the kernel knows one.
    """
    for qdisc in ipr.get_qdiscs(index=index):
        if qdisc["parent"] == TC_H_ROOT and qdisc.get_attr("TCA_KIND") == "netem":
            found = flat(qdisc.get_attr("TCA_OPTIONS"))
            seed = qdisc.get_attr("TCA_OPTIONS").get_attr(_SEED)
            if seed is not None:
                found[_SEED] = seed
            return found
    return {}


def flat(nested: Any) -> dict[str, int]:
    """Every number in an options message, by the name of its field."""
    numbers = _numbers(nested)
    for _, attribute in nested["attrs"]:
        if isinstance(attribute, dict):
            numbers.update(_numbers(attribute))
    return numbers


def _numbers(fields: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in fields.items() if isinstance(value, int)}


def _send(ipr: IPRoute, index: int, netem: Netem, seed: int | None = None) -> None:
    request = message(index, netem, tick_ns(), seed)
    answers = ipr.nlm_request_batch([request])
    tuple(answers)  # sends the request, and raises the error that the kernel answers with


def _rate(netem: Netem) -> dict[str, int]:
    bytes_per_second = round(netem.rate_bps / 8)
    return {
        "rate": _checked("rate", bytes_per_second),
        "packet_overhead": 0,
        "cell_size": 0,
        "cell_overhead": 0,
    }


def _probability(probability: float) -> int:
    return round(probability * _UINT32)


def _checked(name: str, value: int) -> int:
    if not 0 <= value <= _UINT32:
        raise UnsupportedFault(f"netem cannot hold a {name} of {value} of its units in 32 bits; use the engine relay")
    return value
