"""The kernel's fault engine, the netem qdisc, configured by netlink (tc-netem(8), net/sched/sch_netem.c).

Three things can go wrong without an error:

- A change keeps every option that it does not mention (netem_change), so each message has all options, zeros too.
- Adding or deleting a qdisc on a live interface drops frames (dev_deactivate), and deleting one drops the frames in it.
  So a port gets a netem without effect before its first frame, and from then on it is only changed.
- The configuration in force may differ from the one that was asked for, so it is read back and compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from badwire.agent.wire import requests
from badwire.agent.wire.netlink import decoded, encoded, tcmsg
from badwire.errors import MissingCapability, RunError, UnsupportedFault
from badwire.faults.fault import Netem
from badwire.linux.netlink import NLM_F_CREATE, NLM_F_REPLACE, Netlink, NetlinkError, Request

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


def request(index: int, netem: Netem, tick: int, seed: int | None = None) -> Request:
    """The request that adds ``netem`` at the root of interface ``index``, or changes the one that is there.

    A kernel before Linux 6.6 ignores the ``seed``. Without a seed, every kernel takes one of its own.

    pyroute2's ``tc("replace", "netem", ...)`` is not used: it omits options that are zero, and truncates times to us.
    """
    asked = options(netem, tick)
    if seed is not None:
        asked["attrs"].append((_SEED, seed))
    attributes = [("TCA_KIND", "netem"), ("TCA_OPTIONS", asked)]
    body = encoded(tcmsg, index=index, handle=HANDLE, parent=requests.TC_H_ROOT, attrs=attributes)
    return Request(requests.RTM_NEWQDISC, body, NLM_F_REPLACE | NLM_F_CREATE)


@dataclass(frozen=True)
class Configured:
    """The netem of an interface as the kernel describes it.

    Attributes:
        values: the options by the name of the field, in the kernel's units; empty if there is no netem.
        seed: of its random numbers; None: the kernel does not tell it.
    """

    values: Mapping[str, int]
    seed: int | None

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Decode the description of a root qdisc."""
        if requests.kind_of_qdisc(body) != "netem":
            return cls({}, None)
        described = decoded(tcmsg, body).get_attr("TCA_OPTIONS")
        return cls(flat(described), described.get_attr(_SEED))


def add(netlink: Netlink, indices: Sequence[int]) -> str | None:
    """Add a netem without effect to each interface; return None, or a sentence that says why that is impossible."""
    tick = tick_ns()
    asked = [request(index, Netem(), tick) for index in indices]
    try:
        netlink.ask(*asked)
    except NetlinkError as error:
        return f"this kernel has no netem qdisc ({error.strerror}); load sch_netem, or use the engine relay"
    return None


@dataclass(frozen=True)
class Change:
    """What the netem of interface ``index`` becomes; ``seed`` has 64 bits, None: whatever the kernel takes."""

    index: int
    netem: Netem
    seed: int | None = None


def change(netlink: Netlink, changes: Sequence[Change]) -> list[bool]:
    """Configure the netem of each interface, and check the result.

    Returns:
        Of each, whether it draws from its seed, which the kernel can from Linux 6.6 on (TCA_NETEM_PRNG_SEED).

    Raises:
        MissingCapability: the kernel refuses it.
        RunError: another configuration is in force afterwards.
    """
    if not changes:
        return []
    tick = tick_ns()
    asked = [request(each.index, each.netem, tick, each.seed) for each in changes]
    try:
        netlink.ask(*asked)
    except NetlinkError as error:
        refused = changes[error.position].netem
        raise MissingCapability(f"the kernel refused {refused} ({error.strerror}); use the engine relay") from None
    draws_from_seed = []
    for each, in_force in zip(changes, configured(netlink, [each.index for each in changes]), strict=True):
        wrong: dict[str, tuple[int, int | None]] = {}
        for name, value in flat(options(each.netem, tick)).items():
            found = in_force.values.get(name)
            if found != value:
                wrong[name] = (value, found)
        if wrong:
            raise RunError(
                f"netem is not configured as requested (option: requested, found): {wrong}; use the engine relay"
            )
        draws_from_seed.append(each.seed is not None and in_force.seed == each.seed)
    return draws_from_seed


def configured(netlink: Netlink, indices: Sequence[int]) -> list[Configured]:
    """The netem at the root of each interface. Raises NetlinkError if there is no such interface."""
    asked = [requests.get_root_qdisc(index) for index in indices]
    return [Configured.decode(answer) for answer in netlink.ask(*asked)]


def flat(nested: Mapping[str, Any]) -> dict[str, int]:
    """Every number in an options message, by the name of its field."""
    numbers = _numbers(nested)
    for _, attribute in nested["attrs"]:
        if isinstance(attribute, dict):
            numbers.update(_numbers(attribute))
    return numbers


def _numbers(fields: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in fields.items() if isinstance(value, int)}


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
