"""Nothing real is started here, so nothing can be left behind."""

from tests.quick import no_leftovers as no_leftovers
