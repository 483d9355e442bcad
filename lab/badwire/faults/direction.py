"""Between which hosts faults are set: what `wire.fault` and `badwire fault` take becomes faults toward each host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from badwire.errors import BadOption
from badwire.faults.fault import Fault
from badwire.faults.selection import Selection
from badwire.util.suggestion import did_you_mean

Path = tuple[str, str | None]
"""The frames toward the first host, and from the second one; None: from any."""


@dataclass(frozen=True)
class Direction:
    """Which frames are meant, by the hosts that they come from and go to; without any, all frames.

    toward    the hosts that the frames go to
    from_     the hosts that they come from
    between   pairs of hosts: what either of them sends to the other
    of        hosts: what they send and what they receive

    Only ``toward`` and ``from_`` can be given together.
    """

    toward: tuple[str, ...] = ()
    from_: tuple[str, ...] = ()
    between: tuple[tuple[str, str], ...] = ()
    of: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The direction as plain data."""
        return {"toward": self.toward, "from": self.from_, "between": self.between, "of": self.of}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The direction that ``to_json`` described."""
        return cls(
            toward=tuple(data["toward"]),
            from_=tuple(data["from"]),
            between=tuple((one, other) for one, other in data["between"]),
            of=tuple(data["of"]),
        )

    def paths(self, hosts: Sequence[str]) -> list[Path]:
        """Every way that a frame can take in this direction.

        Args:
            hosts: the names of all hosts.

        Raises:
            BadOption: there is no host of a name, a pair is one host, or the direction is given in two ways.
        """
        self._check(hosts)
        paths: dict[Path, None] = {}  # a set that keeps its order
        for one, other in self.between:
            paths[one, other] = None
            paths[other, one] = None
        for host in self.of:
            paths[host, None] = None
            for other in hosts:
                if other not in self.of:
                    paths[other, host] = None
        if paths:
            return list(paths)
        receivers = self.toward or tuple(hosts)
        senders = self.from_ or (None,)
        found: list[Path] = [(host, sender) for host in receivers for sender in senders if host != sender]
        if not found:
            raise _to_itself(self.from_[0])
        return found

    def of_each(self, faults: Sequence[Fault], hosts: Sequence[str]) -> list[tuple[Path, Fault]]:
        """The faults of each path, with the path's sender in their ``from_``.

        Raises:
            BadOption: as in ``paths``, or for the ``from_`` of a fault.
        """
        found: list[tuple[Path, Fault]] = []
        paths = self.paths(hosts)
        for fault in faults:
            if fault.from_ is not None:
                _check_host(fault.from_, hosts)
                if self.from_ or self.between or self.of:
                    raise BadOption(f"{fault.name} has from={fault.from_} of its own; give its direction once.")
            crossing = [path for path in paths if path[0] != fault.from_]
            if fault.from_ is not None and not crossing:
                raise _to_itself(fault.from_)
            for path in crossing:
                _, sender = path
                found.append((path, fault if sender is None else replace(fault, from_=sender)))
        return found

    def _check(self, hosts: Sequence[str]) -> None:
        pairs = [host for pair in self.between for host in pair]
        for host in (*self.toward, *self.from_, *pairs, *self.of):
            _check_host(host, hosts)
        given = [bool(self.toward or self.from_), bool(self.between), bool(self.of)]
        if sum(given) > 1:
            raise BadOption("Give a direction in one way: by toward and from, by between, or by of.")
        for one, other in self.between:
            if one == other:
                raise _to_itself(one)


def check_apart(groups: Sequence[Sequence[tuple[Path, Fault]]]) -> None:
    """Raise BadOption if two groups set the same kind of fault on the same frames: it is not clear what is meant.

    The second could replace the first, or add to it. One group may have a fault twice, such as two delays that add up.
    """
    earlier: list[tuple[Path, Fault]] = []
    for group in groups:
        for path, fault in group:
            for other_path, other in earlier:
                if path[0] == other_path[0] and _share_frames(fault, other):
                    sender = fault.from_ or other.from_
                    source = f"from {sender} " if sender else ""
                    raise BadOption(
                        f"{fault.name} is given twice for frames {source}toward {path[0]}, once for each of two"
                        " directions; give it once."
                    )
        earlier += group


def _share_frames(one: Fault, other: Fault) -> bool:
    """Whether two faults are of one kind, and no field of their selections keeps them apart."""
    if one.name != other.name:
        return False
    for field in fields(Selection):
        values = (getattr(one, field.name), getattr(other, field.name))
        if None not in values and values[0] != values[1]:
            return False
    return True


def _check_host(name: str, hosts: Sequence[str]) -> None:
    if name not in hosts:
        known = ", ".join(hosts)
        hint = did_you_mean(name, hosts, otherwise=f"the hosts are {known}.")
        raise BadOption(f"There is no host {name!r} in this lab: {hint}")


def _to_itself(host: str) -> BadOption:
    return BadOption(f"No frame goes over the wire from {host} to itself; name two hosts.")
