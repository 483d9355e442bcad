"""The fault engine in user space: frames taken from the bridge's ports, faults carried out on them, and sent on.

May import: agent, faults, linux, util, errors.
"""
