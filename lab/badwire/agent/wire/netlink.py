"""Imports the parts of pyroute2 that the wire needs, without the rest of the package.

The package's own ``__init__`` imports all its parts, which takes as long again, in every run on the virtual clock. It
is executed only when anything else of the package is used.
"""

import importlib.util
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

from pyroute2.iproute.linux import IPRoute as IPRoute  # noqa: E402
from pyroute2.netlink import NLM_F_ACK as NLM_F_ACK  # noqa: E402
from pyroute2.netlink import NLM_F_CREATE as NLM_F_CREATE  # noqa: E402
from pyroute2.netlink import NLM_F_REPLACE as NLM_F_REPLACE  # noqa: E402
from pyroute2.netlink import NLM_F_REQUEST as NLM_F_REQUEST  # noqa: E402
from pyroute2.netlink.exceptions import NetlinkError as NetlinkError  # noqa: E402
from pyroute2.netlink.rtnl import RTM_NEWQDISC as RTM_NEWQDISC  # noqa: E402
from pyroute2.netlink.rtnl import TC_H_ROOT as TC_H_ROOT  # noqa: E402
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
