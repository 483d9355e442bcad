"""Mistakes in the right solutions of the exercises, each one change, with the claims that it loses."""

from pathlib import Path
from typing import NamedTuple

from badwire.util import project

SOLUTIONS = project.EXERCISES / "solutions"


class Mistake(NamedTuple):
    """A change of the solution ``solution``: ``wrong`` in place of ``right``; and the claims that it loses."""

    solution: str
    right: str
    wrong: str
    loses: frozenset[str]


def _loses(*claims: str) -> frozenset[str]:
    return frozenset(claims)


MISTAKES = {
    "strlen": Mistake(
        "echo_c/server.c",
        "send_all(connection, buffer, size) < 0",
        "send_all(connection, buffer, (ssize_t)strnlen(buffer, (size_t)size)) < 0",
        _loses("zero_bytes", "long_message"),  # the long message has zero bytes, too
    ),
    "one_read": Mistake(
        "echo_c/server.c",
        "    while ((size = recv",
        "    if ((size = recv",
        _loses("pieces", "long_message", "half_close"),
    ),
    "short_write": Mistake(
        "echo_c/server.c",
        "(size_t)size, 0);\n        if (sent < 0)",
        "(size_t)size, MSG_DONTWAIT);\n        return 0;\n        if (sent < 0)",
        _loses("long_message"),
    ),
    "no_reuseaddr": Mistake(
        "echo_c/server.c",
        '    check("setsockopt", setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));\n',
        "    (void)on;\n",
        _loses("again"),
    ),
    "first_client_only": Mistake(
        "echo_c/server.c",
        "        close(connection);\n",
        "        close(connection);\n        return 0;\n",
        _loses("next_client"),
    ),
    "never_closes": Mistake(
        "echo_python/server",
        "            while data := connection.recv(4096):\n                connection.sendall(data)\n",
        "            while data := connection.recv(4096):\n                connection.sendall(data)\n"
        "            import signal; signal.pause()\n",
        _loses("closes", "next_client"),
    ),
    "drops_at_end": Mistake(
        "echo_python/server",
        "            while data := connection.recv(4096):\n                connection.sendall(data)\n",
        "            kept = b''\n            while data := connection.recv(4096):\n"
        "                connection.sendall(kept)\n                kept = data\n",
        _loses("pieces", "zero_bytes", "long_message", "half_close", "next_client", "again"),
    ),
}


def write(name: str, folder: Path) -> Path:
    """Write a right solution ("c", "python") or one with a mistake into a new folder; returns the folder."""
    folder.mkdir(parents=True)
    solution = {"c": "echo_c/server.c", "python": "echo_python/server"}.get(name) or MISTAKES[name].solution
    source = SOLUTIONS / solution
    text = source.read_text()
    if name in MISTAKES:
        mistake = MISTAKES[name]
        assert text.count(mistake.right) == 1
        text = text.replace(mistake.right, mistake.wrong)
    target = folder / source.name
    target.write_text(text)
    target.chmod(source.stat().st_mode & 0o777)
    return folder
