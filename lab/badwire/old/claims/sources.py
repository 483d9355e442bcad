"""As in the second edition."""

from badwire.claims.sources import RFC, Book, Instrument, Kernel, Man, Source, Text

__all__ = ["RFC", "Book", "Instrument", "Kernel", "Man", "Source", "Text"]
