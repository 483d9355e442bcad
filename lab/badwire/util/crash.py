"""The error message for a bug in the lab itself."""

import tempfile
import traceback


def report_bug(error: Exception) -> str:
    """Return the sentence that reports an unexpected exception, and write its traceback to a temporary file.

    The sentence names that file, unless it cannot be written.
    """
    kind = type(error).__name__
    problem = f"The lab has a bug: {kind}: {error}".splitlines()[0]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="badwire-traceback-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"{problem}."
    return f"{problem}; please report it with the traceback in {file.name}."
