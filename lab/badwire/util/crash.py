"""What is said when the lab itself breaks."""

import tempfile
import traceback


def surprise(error: Exception) -> str:
    """The sentence for an exception that nobody foresaw, and its traceback in a file."""
    what = f"The lab itself broke: {type(error).__name__}: {error}".splitlines()[0]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="badwire-traceback-", suffix=".txt", delete=False) as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"{what}."
    return f"{what}; this is a fault of the lab, not yours, and its traceback is in {file.name}."
