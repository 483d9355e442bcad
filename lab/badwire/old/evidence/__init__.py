"""Evidence: what a run left on disk, and what a claim may ask of it.

What a scenario imports is offered here; `windows`, `congestion`, `state_diagram` and `timeouts` have more. May import:
store, agent, faults, packets, linux, util, errors.
"""

from badwire.old.evidence.connections import Connection, tcp_of
from badwire.old.evidence.evidence import Evidence
from badwire.old.evidence.frames import Frame, intervals
from badwire.store.records import NS, NothingSeen

__all__ = ["NS", "Connection", "Evidence", "Frame", "NothingSeen", "intervals", "tcp_of"]
