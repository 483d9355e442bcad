"""Evidence: the records of a run, and the queries that claims make of them.

Scenarios import these names from here. Start reading in `evidence`: a run has hosts (`host`: sockets, calls, programs),
a wire (`wire`: frames, faults) and connections (`connection`, with `congestion`, `windows` and `timeouts` for what one
side sends).
May import: store, agent, faults, packets, linux, util, errors.
"""

from badwire.evidence.congestion import LOSS, RECOVERY, Flow, intervals
from badwire.evidence.connection import Closing, Connection, Opening, Side
from badwire.evidence.evidence import Evidence
from badwire.evidence.frames import Frame
from badwire.evidence.host import HostEvidence
from badwire.evidence.records import Records
from badwire.evidence.sockets import Period, SocketSample, SocketTimeline, TableSample
from badwire.evidence.state_diagram import state_changes
from badwire.evidence.stream import tcp_of
from badwire.evidence.windows import SentSegment
from badwire.evidence.wire import FaultPeriod
from badwire.store.records import NS, Call, NotRecorded, ProcessTable, Program
from badwire.util.numbers import Span

__all__ = [
    "LOSS",
    "NS",
    "RECOVERY",
    "Call",
    "Closing",
    "Connection",
    "Evidence",
    "FaultPeriod",
    "Flow",
    "Frame",
    "HostEvidence",
    "NotRecorded",
    "Opening",
    "Period",
    "ProcessTable",
    "Program",
    "Records",
    "SentSegment",
    "Side",
    "SocketSample",
    "SocketTimeline",
    "Span",
    "TableSample",
    "intervals",
    "state_changes",
    "tcp_of",
]
