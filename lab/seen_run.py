"""The record of a run as a whole: its files, its notes, and the part of it between two notes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from lab import seen_files
from lab.pcapng import Capture
from lab.seen_records import Note, NothingSeen, Record


@dataclass(frozen=True)
class Run:
    """The record of a run, or of the part of it from ``began`` to ``ended`` (ns; None: to the end)."""

    records: tuple[Record, ...] = field(repr=False)
    pcap: Capture = field(repr=False)
    began: int = 0
    ended: int | None = None
    run: "Run | None" = field(default=None, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read a run's folder.

        Raises:
            BadRun: it cannot be read; the text says what is wrong and what to do.
        """
        return cls(seen_files.read_records(Path(folder)), seen_files.read_capture(Path(folder)))

    def write(self, folder: Path | str) -> None:
        """Write a run's folder, for evidence that is made by hand; a run's own is written as it happens."""
        seen_files.write(Path(folder), self.records, self.pcap)

    @property
    def meta(self) -> Record:
        """What was run: scenario, substrate, engine, clock, seed, hosts with their addresses."""
        return self.records[0]

    @property
    def hosts(self) -> Mapping[str, str]:
        """Addresses by host."""
        hosts: Mapping[str, str] = self.meta.get("hosts", {})
        return hosts

    @property
    def error(self) -> str | None:
        """The sentence with which the run broke off; None when it ended well."""
        end = self._last("end")
        return "the run was cut short" if end is None else end.get("error")

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What the scenario noted, in order."""
        return tuple(Note(record["t"], record["text"]) for record in self._kind("note"))

    def at(self, text: str) -> int:
        """When the scenario noted ``text`` first; NothingSeen when it never did."""
        for note in self.notes:
            if note.text == text and note.t >= self.began:
                return note.t
        raise NothingSeen(f'the scenario never noted "{text}"')

    def between(self, first: str, second: str) -> Self:
        """The part from one note to the next that says ``second``."""
        part = replace(self, began=self.at(first), run=self.run or self)
        return replace(part, ended=part.at(second))

    def phase(self, text: str) -> Self:
        """The part from a note to the note after it, or to the end."""
        began = self.at(text)
        place = next(index for index, note in enumerate(self.notes) if note.text == text and note.t == began)
        following = self.notes[place + 1 : place + 2]
        return replace(self, began=began, ended=following[0].t if following else self.ended, run=self.run or self)

    def covers(self, t: int) -> bool:
        """Whether a time (ns) lies in this part of the run."""
        return self.began <= t and (self.ended is None or t <= self.ended)

    def _kind(self, kind: str, host: str | None = None) -> tuple[Record, ...]:
        """All records of a kind, of one host or of all."""
        self._known(host)
        return tuple(r for r in self.records if r["kind"] == kind and (host is None or r.get("host") == host))

    def _last(self, kind: str) -> Record | None:
        return (self._kind(kind) or (None,))[-1]

    def _known(self, *hosts: str | None) -> None:
        """A misspelt host must not look like a host on which nothing happened."""
        for host in hosts:
            if host is not None and host not in self.hosts:
                raise NothingSeen(f"there is no host {host} in this run, only {', '.join(self.hosts)}")
