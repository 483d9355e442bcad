"""The error message for a bug in the lab itself."""

import tempfile
import traceback


def surprise(error: Exception) -> str:
    """Return the sentence that reports an unexpected exception, and write its traceback to a temporary file.

    The sentence names that file, unless it cannot be written.
    """
    what = f"The lab itself broke: {type(error).__name__}: {error}".splitlines()[0]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="badwire-traceback-", suffix=".txt", delete=False) as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{what}."
    return f"{what}; this is a fault of the lab, not yours, and its traceback is in {file.name}."
