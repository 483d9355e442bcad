"""Where an expectation comes from: every claim names at least one source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Where an expectation comes from."""

    def __str__(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class RFC(Source):
    """A section of an RFC: ``RFC("9293", "3.6.1")``."""

    number: str
    section: str = ""

    def __str__(self) -> str:
        if not self.section:
            return f"RFC {self.number}"
        return f"RFC {self.number} section {self.section}"


@dataclass(frozen=True)
class Kernel(Source):
    """A symbol of the Linux kernel: ``Kernel("include/net/tcp.h", "TCP_TIMEWAIT_LEN")``."""

    path: str
    symbol: str

    def __str__(self) -> str:
        return f"Linux {self.path} {self.symbol}"


@dataclass(frozen=True)
class Man(Source):
    """A manual page: ``Man("socket(7)")``."""

    page: str

    def __str__(self) -> str:
        return self.page


@dataclass(frozen=True)
class Book(Source):
    """A book: ``Book("Stevens, TCP/IP Illustrated vol. 1", "13")``."""

    title: str
    chapter: str = ""

    def __str__(self) -> str:
        if not self.chapter:
            return self.title
        return f"{self.title}, chapter {self.chapter}"


@dataclass(frozen=True)
class Text(Source):
    """A statement of the course texts by its number: ``Text("T60")`` where the claim shows that it holds.

    The ledger shows ``no``, which says what is true instead if the statement does not hold, and ``depends``, which says
    on what it depends. If the statement holds, it may show a ``note``: what a reader should know besides.
    """

    statement: str
    no: str = ""
    depends: str = ""
    note: str = ""

    def __str__(self) -> str:
        return f"course text {self.statement}"


@dataclass(frozen=True)
class Instrument(Source):
    """A property of the lab itself, with the reason for its bound: ``Instrument("a delay is never short")``."""

    reason: str

    def __str__(self) -> str:
        return f"instrument: {self.reason}"
