"""Text for a terminal from whoever wrote it: a control character is shown, never obeyed."""


def visible(text: str) -> str:
    """The text on one line with every character that is not printable by its code, as in ``\\x1b[2J``.

    Not printable, for Unicode and for Python, are controls (C0, C1), separators but the space, surrogates, and what
    turns the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
