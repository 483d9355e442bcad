"""The processes of ours on the hosts and on the wire: their life (`server`), descriptors and timers (`event_loop`).

`host` has the agent on a host, `wire` the one on the wire, `relay` the fault engine in user space. The standard library
only, but for the wire's netlink (pyroute2): this is what goes into the hosts' image, with all that it imports. May
import: faults, packets, linux, util, errors.
"""
