"""Evidence: what a run left on disk, and what a claim may ask of it.

What a scenario imports is offered here; `windows`, `congestion`, `state_diagram` and `timeouts` have more. May import:
store, agent, faults, packets, linux, util, errors.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from badwire.evidence.connections import Connection, tcp_of
    from badwire.evidence.evidence import Evidence
    from badwire.evidence.frames import Frame, intervals
    from badwire.store.records import NS, NothingSeen
else:
    # Imported when they are asked for (PEP 562): each command of the command line would pay 40 ms for all of it, since
    # whoever imports a module of this package imports this one too.
    _OFFERED = {
        "NS": "badwire.store.records",
        "Connection": "badwire.evidence.connections",
        "Evidence": "badwire.evidence.evidence",
        "Frame": "badwire.evidence.frames",
        "NothingSeen": "badwire.store.records",
        "intervals": "badwire.evidence.frames",
        "tcp_of": "badwire.evidence.connections",
    }

    def __getattr__(name: str) -> object:
        if name not in _OFFERED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_OFFERED[name]), name)


__all__ = ["NS", "Connection", "Evidence", "Frame", "NothingSeen", "intervals", "tcp_of"]
