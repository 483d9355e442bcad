"""What a scenario holds: the Lab, its Hosts with their Processes and Sockets, and the Wire.

What a scenario imports is offered here. May import: substrate, options, store, topology, faults, util, errors.
"""

from badwire.testbed.host import Host
from badwire.testbed.lab import Lab, open_lab
from badwire.testbed.process import Process
from badwire.testbed.socket import Socket

__all__ = ["Host", "Lab", "Process", "Socket", "open_lab"]
