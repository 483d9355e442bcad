"""The kernel's fault engine, the netem qdisc, configured by netlink (tc-netem(8), net/sched/sch_netem.c).

Three things can go wrong without an error:

- A change keeps every option that it does not mention (netem_change), so each message has all options, zeros too.
- Adding or deleting a qdisc on a live interface drops frames (dev_deactivate), and deleting one drops the frames in it.
  So a port gets a netem without effect before its first frame, and from then on it is only changed.
- The configuration in force may differ from the one that was asked for, so it is read back and compared.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from badwire.agent.wire import requests
from badwire.errors import MissingCapability, RunError, UnsupportedFault
from badwire.faults.fault import Netem
from badwire.linux.netlink import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    Netlink,
    NetlinkError,
    Request,
    attribute,
    attributes,
)

HANDLE = 0x10000  # 1:0
_UINT32 = 0xFFFFFFFF
_QOPT = ("delay", "limit", "loss", "gap", "duplicate", "jitter")  # the fields of struct tc_netem_qopt
# The attributes after it, by their types, with the fields of their structs (linux/pkt_sched.h). Each field has 32 bits.
_ATTRIBUTES = {
    1: ("delay_corr", "loss_corr", "dup_corr"),
    3: ("prob_reorder", "corr_reorder"),
    4: ("prob_corrupt", "corr_corrupt"),
    6: ("rate", "packet_overhead", "cell_size", "cell_overhead"),
}
_SEED = 14  # TCA_NETEM_PRNG_SEED
_SEED_VALUE = struct.Struct("=Q")
_UINT = struct.Struct("=I")


def tick_ns() -> int:
    """The kernel's unit of time in traffic control, in ns: the second field of /proc/net/psched; 64 since 2.6.31."""
    _, tick, *_ = Path("/proc/net/psched").read_text().split()
    return int(tick, 16)


def options(netem: Netem, tick: int) -> dict[str, int]:
    """All options of netem, in the kernel's own units, by the name of the field.

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
        "delay_corr": 0,
        "loss_corr": 0,
        "dup_corr": 0,
        "prob_reorder": _probability(netem.reorder),
        "corr_reorder": 0,
        "prob_corrupt": _probability(netem.corrupt),
        "corr_corrupt": 0,
        "rate": _checked("rate", round(netem.rate_bps / 8)),
        "packet_overhead": 0,
        "cell_size": 0,
        "cell_overhead": 0,
    }


def request(index: int, netem: Netem, tick: int, seed: int | None = None) -> Request:
    """The request that adds ``netem`` at the root of interface ``index``, or changes the one that is there.

    A kernel before Linux 6.6 ignores the ``seed``. Without a seed, every kernel takes one of its own.
    """
    values = options(netem, tick)
    described = _fields(values, _QOPT)
    for kind, names in _ATTRIBUTES.items():
        described += attribute(kind, _fields(values, names))
    if seed is not None:
        described += attribute(_SEED, _SEED_VALUE.pack(seed))
    body = requests.QDISC.pack(0, index, HANDLE, requests.TC_H_ROOT, 0)
    body += attribute(requests.TCA_KIND, b"netem\0") + attribute(requests.TCA_OPTIONS, described)
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
        found = attributes(body[requests.QDISC.size :])
        described = found[requests.TCA_OPTIONS]
        size = 4 * len(_QOPT)
        values = _values(described[:size], _QOPT)
        by_kind = attributes(described[size:])
        for kind, names in _ATTRIBUTES.items():
            if kind in by_kind:
                values.update(_values(by_kind[kind], names))
        seed = None
        if _SEED in by_kind:
            (seed,) = _SEED_VALUE.unpack(by_kind[_SEED])
        return cls(values, seed)


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
        for name, value in options(each.netem, tick).items():
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


def _fields(values: Mapping[str, int], names: Sequence[str]) -> bytes:
    return b"".join(_UINT.pack(values[name]) for name in names)


def _values(data: bytes, names: Sequence[str]) -> dict[str, int]:
    numbers = [number for (number,) in _UINT.iter_unpack(data)]
    return dict(zip(names, numbers, strict=False))


def _probability(probability: float) -> int:
    return round(probability * _UINT32)


def _checked(name: str, value: int) -> int:
    if not 0 <= value <= _UINT32:
        raise UnsupportedFault(f"netem cannot hold a {name} of {value} of its units in 32 bits; use the engine relay")
    return value
