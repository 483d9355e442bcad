"""Encodes and decodes the wire's netlink messages with pyroute2, of which it imports the messages alone.

pyroute2's own sockets send one request after the other; ``badwire.linux.netlink`` sends many at once. The package's own
``__init__`` imports all its parts, which takes as long again, in every run on the virtual clock. It
is executed only when anything else of the package is used.
"""

import importlib.util
import struct
import sys
from typing import Any


def _install_lazy_package(name: str) -> None:
    """Install a package whose ``__init__`` is executed when an attribute is first asked for that is not a module."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = importlib.util.module_from_spec(spec)
    loader = spec.loader

    def load_attribute(attribute: str) -> Any:
        if attribute.startswith("__") or importlib.util.find_spec(f"{name}.{attribute}"):
            raise AttributeError(attribute)  # a submodule, which the import system finds
        vars(package).pop("__getattr__", None)
        loader.exec_module(package)
        return getattr(package, attribute)

    vars(package)["__getattr__"] = load_attribute
    sys.modules[name] = package


_install_lazy_package("pyroute2")

from pyroute2.netlink import nlmsg  # noqa: E402
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg as ifinfmsg  # noqa: E402
from pyroute2.netlink.rtnl.ndmsg import ndmsg as ndmsg  # noqa: E402
from pyroute2.netlink.rtnl.tcmsg import sched_netem  # noqa: E402
from pyroute2.netlink.rtnl.tcmsg import tcmsg as tcmsg  # noqa: E402

# pyroute2 knows the attributes up to TCA_NETEM_RATE; these follow it in include/uapi/linux/pkt_sched.h (Linux 6.6).
sched_netem.options.nla_map += (
    ("TCA_NETEM_ECN", "none"),
    ("TCA_NETEM_RATE64", "none"),
    ("TCA_NETEM_PAD", "none"),
    ("TCA_NETEM_LATENCY64", "none"),
    ("TCA_NETEM_JITTER64", "none"),
    ("TCA_NETEM_SLOT", "none"),
    ("TCA_NETEM_SLOT_DIST", "none"),
    ("TCA_NETEM_PRNG_SEED", "uint64"),
)

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr (linux/netlink.h)


def encoded(kind: type[nlmsg], **fields: Any) -> bytes:
    """The body of a message, without its header; ``fields`` are those of the message, ``attrs`` among them."""
    message = kind()
    for name, value in fields.items():
        message[name] = value
    message.encode()
    return bytes(message.data[_HEADER.size :])


def decoded(kind: type[nlmsg], body: bytes) -> nlmsg:
    """The message with this body."""
    message = kind(_HEADER.pack(_HEADER.size + len(body), 0, 0, 0, 0) + body)
    message.decode()
    return message
