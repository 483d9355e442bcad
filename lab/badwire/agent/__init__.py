"""The lab's agents, on the hosts and on the wire: their requests (`server`), descriptors and timers (`event_loop`).

`host` has the agent on a host, `wire` the agent on the wire, `relay` the fault engine in user space. All use the
standard library only: the hosts' image has this package and what it imports.
May import: faults, packets, linux, util, errors.
"""
