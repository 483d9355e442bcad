"""TODO docstring"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from badwire.old.claims.verdict import FAILS as FAILS
from badwire.old.claims.verdict import HOLDS as HOLDS
from badwire.old.claims.verdict import UNKNOWN as UNKNOWN
from badwire.old.claims.verdict import Outcome as Outcome
from badwire.old.claims.verdict import Verdict as Verdict
from badwire.old.claims.verdict import all_of as all_of
from badwire.old.claims.verdict import at_least as at_least
from badwire.old.claims.verdict import at_most as at_most
from badwire.old.claims.verdict import each_within as each_within
from badwire.old.claims.verdict import equals as equals
from badwire.old.claims.verdict import happened as happened
from badwire.old.claims.verdict import never as never
from badwire.old.claims.verdict import unknown as unknown
from badwire.old.claims.verdict import within as within
from badwire.old.evidence.values import Span as Span

if TYPE_CHECKING:
    pass


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
        return f"RFC {self.number}" + (f" section {self.section}" if self.section else "")


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
        return self.title + (f", chapter {self.chapter}" if self.chapter else "")


@dataclass(frozen=True)
class Text(Source):
    """A statement of the course texts by its number: ``Text("T60")`` where the claim shows that it holds.

    ``no`` says what is so where it does not hold, ``depends`` on what it hangs; the ledger shows both.
    """

    statement: str
    no: str = ""
    depends: str = ""

    def __str__(self) -> str:
        return f"course text {self.statement}"


@dataclass(frozen=True)
class Instrument(Source):
    """A property of the lab itself, with the reason for its bound: ``Instrument("a delay is never short")``."""

    reason: str

    def __str__(self) -> str:
        return f"instrument: {self.reason}"
