"""The agent on the wire: the bridge and its ports, the capture, and faults carried out by netem or by the relay.

May import: agent, agent.relay, faults, linux, util, errors.
"""
