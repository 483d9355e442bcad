"""What the reference programs share, so that their listings show the calls that teach and little else.

Exit statuses of every program: 0 done (a server: stopped by SIGTERM or SIGINT), 1 a call to the network failed, 2 wrong
arguments, 3 what came back is not what was sent. Results are short lines on stdout; an error is one sentence on stderr.
"""

import argparse
import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TYPE_CHECKING = False  # typing's own would cost each start a module
if TYPE_CHECKING:
    import threading

NETWORK_SAID_NO = 1
NOT_VERIFIED = 3

WAY_OUT = {
    errno.EADDRINUSE: "stop the program that has the port, wait until its connections are gone, or see --reuseaddr",
    errno.EACCES: "take a port above 1023, or run as root",
    errno.ECONNREFUSED: "start a server on that port first",
    errno.ECONNRESET: "the other side has reset the connection; its output may say why",
    errno.EPIPE: "the other side has stopped reading; its output may say why",
    errno.EAGAIN: "raise the limit on processes or memory, or ask for fewer connections at once",
    errno.EMFILE: "raise the limit on open files (ulimit -n) or open fewer connections",
}


def say(*words: object) -> None:
    """Print one line of results, and flush it, so that it reaches even a pipe at once."""
    print(*words, flush=True)


def say_line(word: str, line: bytes) -> None:
    """Print a word and a line as it was received, whatever bytes it has."""
    sys.stdout.buffer.write(word.encode() + b" " + line.rstrip(b"\n") + b"\n")
    sys.stdout.flush()


def name_of(program: str) -> str:
    """Return a program's name, without its folder and the .py."""
    return os.path.splitext(os.path.basename(program))[0]


def complain(sentence: str) -> None:
    """Print one sentence about an error."""
    print(f"{name_of(sys.argv[0])}: {sentence}", file=sys.stderr, flush=True)


def error_name(error: OSError) -> str:
    """Return the name of an error number, as the man pages have it."""
    return errno.errorcode.get(error.errno or 0, str(error))


@contextmanager
def reports(call: str) -> Iterator[None]:
    """If the call in this block fails, print its name with the error's, as in `bind: EADDRINUSE`, and exit with 1."""
    try:
        yield
    except OSError as error:
        say(f"{call}: {error_name(error)}")
        advice = WAY_OUT.get(error.errno or 0)
        complain(f"{call} failed: {error.strerror}" + (f"; {advice}" if advice else ""))
        sys.exit(NETWORK_SAID_NO)


@contextmanager
def outlive(peer: tuple[str, int]) -> Iterator[None]:
    """If the connection to a client breaks in this block, report it and continue: a server outlives its clients."""
    try:
        yield
    except OSError as error:
        complain(f"lost the client {peer[0]} port {peer[1]}: {error_name(error)}")


def start(thread: "threading.Thread") -> None:
    """Start a thread; a failure is an OSError, as for the other calls, although Python does not keep the errno."""
    try:
        thread.start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, "no further thread can be started") from None


def family(address: str) -> socket.AddressFamily:
    """Return the family of an address: an IPv6 address has colons."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def accepted(peer: tuple[str, int]) -> None:
    """Print that a client has connected. An IPv6 peer has more than an address and a port (ipv6(7)): not printed."""
    say("accepted", *peer[:2])


def ready(sock: socket.socket) -> None:
    """Print, for the lab and for people, that this socket can be used now, and its port."""
    say("ready", sock.getsockname()[1])


def received(options: argparse.Namespace, peer: tuple[str, int], data: bytes) -> None:
    """With --print: print what came from a client, as one line."""
    if options.print:
        say("received", *peer[:2], beginning(data))


def answered(options: argparse.Namespace, peer: tuple[str, int], data: bytes) -> None:
    """With --print: print what went back to a client, as one line."""
    if options.print:
        say("answered", *peer[:2], beginning(data))


def left(options: argparse.Namespace, peer: tuple[str, int]) -> None:
    """With --print: print that a client has closed."""
    if options.print:
        say("left", *peer[:2])


def set_options(sock: socket.socket, options: argparse.Namespace) -> None:
    """Set the socket options that the command line asks for, and no others; `bind` and `connect` come after."""
    wanted = {
        socket.SO_REUSEADDR: getattr(options, "reuseaddr", False),
        socket.SO_REUSEPORT: getattr(options, "reuseport", False),
        socket.SO_SNDBUF: options.sndbuf,
        socket.SO_RCVBUF: options.rcvbuf,
    }
    for name, value in wanted.items():
        if value:
            with reports("setsockopt"):
                sock.setsockopt(socket.SOL_SOCKET, name, int(value))


def beginning(data: bytes | bytearray) -> str:
    """Return the first bytes, printable."""
    return repr(bytes(data[:40])) + ("..." if len(data) > 40 else "")


def verify(received: bytes, expected: bytes) -> None:
    """Return if both are the same; else print where they differ, and exit with 3."""
    if received == expected:
        return
    same = next((i for i, (a, b) in enumerate(zip(received, expected, strict=False)) if a != b), len(received))
    if same < len(received):
        say(f"differs at byte {same} of {len(expected)}")
        complain("the answer is not what was sent; is this the right server, and does it echo?")
    else:
        say(f"came back {same} of {len(expected)} bytes")
        complain("the server closed before it had sent everything back; its output may say why")
    sys.exit(NOT_VERIFIED)


def random_bytes(count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` bytes in pieces, always the same ones for the same seed."""
    import random  # few programs draw anything

    generator = random.Random(seed)
    while count > 0:
        piece = generator.randbytes(min(count, 65536))
        yield piece
        count -= len(piece)
