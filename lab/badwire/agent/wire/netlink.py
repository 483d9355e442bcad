"""What a wire needs of pyroute2, and no more: the package itself imports all of its parts, which takes as long again.

Time that every run on the virtual clock would pay. Whoever asks the package for anything else gets all of it, then.
"""

import importlib.util
import sys
from typing import Any


def _without_its_parts(name: str) -> None:
    """Put a package in place whose own file is run when something is first asked of it that is not there yet."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package, loader = importlib.util.module_from_spec(spec), spec.loader

    def whole(attribute: str) -> Any:
        if attribute.startswith("__") or importlib.util.find_spec(f"{name}.{attribute}"):
            raise AttributeError(attribute)  # a module of the package's: import does the rest
        vars(package).pop("__getattr__", None)
        loader.exec_module(package)
        return getattr(package, attribute)

    vars(package)["__getattr__"] = whole
    sys.modules[name] = package


_without_its_parts("pyroute2")

from pyroute2.iproute.linux import IPRoute as IPRoute  # noqa: E402
from pyroute2.netlink import NLM_F_ACK as NLM_F_ACK  # noqa: E402
from pyroute2.netlink import NLM_F_CREATE as NLM_F_CREATE  # noqa: E402
from pyroute2.netlink import NLM_F_REPLACE as NLM_F_REPLACE  # noqa: E402
from pyroute2.netlink import NLM_F_REQUEST as NLM_F_REQUEST  # noqa: E402
from pyroute2.netlink.exceptions import NetlinkError as NetlinkError  # noqa: E402
from pyroute2.netlink.rtnl import RTM_NEWQDISC as RTM_NEWQDISC  # noqa: E402
from pyroute2.netlink.rtnl import TC_H_ROOT as TC_H_ROOT  # noqa: E402
from pyroute2.netlink.rtnl.tcmsg import tcmsg as tcmsg  # noqa: E402
