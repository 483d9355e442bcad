"""Mistakes in the right solutions of the exercises, each one change, with the claims that it loses."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from badwire.util import project

SOLUTIONS = project.EXERCISES / "solutions"


class Mistake(NamedTuple):
    """A change of a solution: ``wrong`` in place of ``right``; and the claims of its exercise that it loses."""

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
UDP_MISTAKES = {
    "small_buffer": Mistake(
        "udp_echo_c/server.c",
        "buffer[65535]",
        "buffer[1024]",
        _loses("whole"),
    ),
    "first_client_only": Mistake(
        "udp_echo_c/server.c",
        "        if (sendto(",
        "        connect(server, (struct sockaddr *)&client, size);\n        if (sendto(",
        _loses("each_client", "goes_on", "twice", "empty"),
    ),
    "empty_is_the_end": Mistake(
        "udp_echo_python/server",
        "        server.sendto(data, client)\n",
        "        if not data:\n            break\n        server.sendto(data, client)\n",
        _loses("empty"),
    ),
    "answers_once": Mistake(
        "udp_echo_python/server",
        "        server.sendto(data, client)\n",
        "        if (data, client) != globals().get('last'):\n            server.sendto(data, client)\n"
        "        last = (data, client)\n",
        _loses("twice"),
    ),
}
RIGHT = {
    "c": "echo_c/server.c",
    "python": "echo_python/server",
    "udp_c": "udp_echo_c/server.c",
    "udp_python": "udp_echo_python/server",
}


def write(name: str, folder: Path, mistakes: Mapping[str, Mistake] = MISTAKES) -> Path:
    """Write a right solution (a name of RIGHT) or one with a mistake into a new folder; returns the folder."""
    folder.mkdir(parents=True)
    source = SOLUTIONS / (RIGHT.get(name) or mistakes[name].solution)
    text = source.read_text()
    if name not in RIGHT:
        mistake = mistakes[name]
        assert text.count(mistake.right) == 1
        text = text.replace(mistake.right, mistake.wrong)
    target = folder / source.name
    target.write_text(text)
    target.chmod(source.stat().st_mode & 0o777)
    return folder
