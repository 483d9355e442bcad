"""The objects that a scenario works with: the Lab, its Hosts with their Processes and Sockets, and the Wire.

Scenarios import these names from here. May import: substrate, options, store, topology, faults, util, errors.
"""

from badwire.testbed.host import Host
from badwire.testbed.lab import Lab, open_lab
from badwire.testbed.process import Process
from badwire.testbed.socket import Socket
from badwire.testbed.wire import Wire

__all__ = ["Host", "Lab", "Process", "Socket", "Wire", "open_lab"]
