"""The command lines of the reference programs: what servers share, what clients share. Wrong arguments: status 2."""

import argparse
import os
import socket
from collections.abc import Callable

import common

if common.TYPE_CHECKING:
    from typing import NoReturn

Options = argparse.Namespace


def server(doc: str | None, stream: bool = True) -> argparse.ArgumentParser:
    """Return the options of every server. SO_REUSEADDR is off unless asked for: that is a lesson of its own."""
    parser = _parser(doc)
    where = "bind to this address of the host; default 0.0.0.0, all IPv4 addresses; :: is all"
    parser.add_argument("address", nargs="?", type=address, default="0.0.0.0", metavar="ADDRESS", help=where)
    parser.add_argument("port", type=number(0, 65535), metavar="PORT", help="0: any that is free")
    parser.add_argument("--reuseaddr", action="store_true", help="set SO_REUSEADDR before bind")
    parser.add_argument("--reuseport", action="store_true", help="set SO_REUSEPORT before bind")
    parser.set_defaults(close_after=None, print=False)  # not every server has these options
    if stream:
        parser.add_argument("--backlog", type=number(0), default=128, metavar="N", help="for listen; default 128")
    return parser


def client(doc: str | None) -> argparse.ArgumentParser:
    """Return the options of every client."""
    parser = _parser(doc)
    what = "of the server: a name, an IPv4 or an IPv6 address"
    parser.add_argument("address", type=address, metavar="ADDRESS", help=what)
    parser.add_argument("port", type=number(1, 65535), metavar="PORT")
    return parser


def plain(doc: str | None) -> argparse.ArgumentParser:
    """Return a command line without options, for a program that is neither a server nor a client."""
    return _Parser(description=doc, formatter_class=_Formatter, allow_abbrev=False)


def close_after(parser: argparse.ArgumentParser) -> None:
    """Add the option that makes a server close first; without it the client does."""
    text = "close first, once N bytes were answered (1: after the first message); default: the client closes first"
    parser.add_argument("--close-after", type=number(1), metavar="N", help=text)


def printing(parser: argparse.ArgumentParser) -> None:
    """Add the option that makes a server print what clients send, and when they leave."""
    parser.add_argument("--print", action="store_true", help="print what each client sends, and when it leaves")


def message(parser: argparse.ArgumentParser) -> None:
    """Add what to send: a text, or bytes drawn from a seed."""
    parser.add_argument("text", nargs="?", default="hello, world\n", metavar="TEXT", help="what to send")
    parser.add_argument("--bytes", type=number(0), metavar="N", help="send N bytes drawn from --seed instead")
    parser.add_argument("--seed", type=number(0), default=1, metavar="N", help="default 1")


def message_of(options: Options) -> bytes:
    """Return the bytes that `message` asks for: those of TEXT as given on the command line, or random ones."""
    if options.bytes is None:
        return os.fsencode(options.text)
    return b"".join(common.random_bytes(options.bytes, options.seed))


def number(least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`, both included."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def seconds(least: float = 0, most: float = 86400) -> Callable[[str], float]:
    """Return a reader of times in seconds from `least` to `most`, both included."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds from {least:g} to {most:g}")
        return value

    return read


def address(text: str) -> str:
    """Return the address of a host: its IPv4 address if it has one, else its IPv6 address."""
    for family in (socket.AF_INET, socket.AF_INET6) if text else ():
        try:
            first, *_ = socket.getaddrinfo(text, 0, family)
        except (OSError, UnicodeError):
            continue
        *_, sockaddr = first
        return str(sockaddr[0])
    raise argparse.ArgumentTypeError(f"{text!r} is not the name, the IPv4 or the IPv6 address of a host")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "NoReturn":
        self.exit(2, f"{common.name_of(self.prog)}: {message}; --help lists the arguments\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)  # else every start, not only --help, looks for the terminal's


def _parser(doc: str | None) -> argparse.ArgumentParser:
    parser = plain(doc)
    parser.add_argument("--sndbuf", type=number(1), metavar="N", help="set SO_SNDBUF (the kernel doubles it)")
    parser.add_argument("--rcvbuf", type=number(1), metavar="N", help="set SO_RCVBUF (the kernel doubles it)")
    return parser
