"""The fault engine in user space: it reads frames from the bridge's ports, carries out faults on them, and sends them.

May import: agent, faults, linux, util, errors.
"""
