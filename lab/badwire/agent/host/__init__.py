"""The agent on a host: programs, controlled sockets, the kernel's table of sockets, addresses and settings.

May import: agent, linux, util, errors.
"""
