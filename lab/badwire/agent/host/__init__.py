"""The agent on a host: programs, controlled sockets, the kernel's socket table, addresses and settings.

May import: agent, linux, util, errors.
"""
