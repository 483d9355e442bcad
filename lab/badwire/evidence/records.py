"""The result of a query for several things: the records found, in order, and a sentence for the case of none."""

from collections.abc import Callable, Iterable
from typing import Any, Self, SupportsIndex, TypeVar, overload

from badwire.store.records import NotRecorded
from badwire.util.sentence import Sentence

T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


class Records(tuple[T_co, ...]):
    """A tuple of records, which may be empty. A check on empty records is UNKNOWN, with ``what`` as the reason.

    Attributes:
        noun: names the records in the plural: "segments".
        what: the sentence that there are none: "no segments of client to port 7001 were recorded".
    """

    noun: str
    what: Sentence

    def __new__(
        cls,
        found: Iterable[T_co] = (),
        noun: str = "records",
        what: str | Sentence = "",
        **values: Any,
    ) -> Self:
        """Make records of ``found``; ``what`` is a template, as for the name of a check, and ``values`` fill it."""
        self = super().__new__(cls, found)
        self.noun = noun
        if what:
            self.what = Sentence.of(what, **values)
        else:
            self.what = Sentence.of("no {noun} were recorded", noun=noun)
        return self

    @property
    def required(self) -> Self:
        """The same records. Raises NotRecorded when there are none."""
        if not self:
            raise NotRecorded(self.what)
        return self

    @property
    def first(self) -> T_co:
        """The first of them. Raises NotRecorded when there is none."""
        return self.nth(1)

    @property
    def last(self) -> T_co:
        """The last of them. Raises NotRecorded when there is none."""
        if not self:
            raise NotRecorded(self.what)
        return super().__getitem__(-1)

    def nth(self, number: int) -> T_co:
        """The ``number``-th of them, counted from 1. Raises NotRecorded when there are fewer."""
        if not self:
            raise NotRecorded(self.what)
        if number > len(self):
            raise NotRecorded.of("only {count} {noun} were recorded", count=len(self), noun=self.noun)
        return super().__getitem__(number - 1)

    @property
    def smallest(self) -> T_co:
        """The smallest record, where records are numbers. Raises NotRecorded when there is none."""
        if not self:
            raise NotRecorded(self.what)
        return min(self)  # type: ignore[type-var]

    @property
    def largest(self) -> T_co:
        """The largest record, where records are numbers. Raises NotRecorded when there is none."""
        if not self:
            raise NotRecorded(self.what)
        return max(self)  # type: ignore[type-var]

    def map(self, function: Callable[[T_co], U]) -> "Records[U]":
        """The function's result for each record, as Records with the same ``noun`` and ``what``."""
        return self._like(function(record) for record in self)

    def where(self, test: Callable[[T_co], object]) -> "Records[T_co]":
        """The records for which the test is true."""
        return self._like(record for record in self if test(record))

    @property
    def distinct(self) -> "Records[T_co]":
        """Each distinct record once, in the order of first appearance."""
        return self._like(dict.fromkeys(self))

    @property
    def in_order(self) -> "Records[T_co]":
        """The same records, which are numbers or strings, from the smallest to the largest."""
        return self._like(sorted(self))  # type: ignore[type-var]

    @overload
    def __getitem__(self, key: SupportsIndex, /) -> T_co: ...
    @overload
    def __getitem__(self, key: slice, /) -> "Records[T_co]": ...
    def __getitem__(self, key: SupportsIndex | slice, /) -> "T_co | Records[T_co]":
        if isinstance(key, slice):
            return self._like(super().__getitem__(key))
        return super().__getitem__(key)

    def _like(self, found: Iterable[U]) -> "Records[U]":
        return Records(found, self.noun, self.what)
