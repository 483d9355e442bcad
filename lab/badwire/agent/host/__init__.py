"""The agent on a host: programs, sockets driven call by call, the kernel's table of sockets, addresses and settings.

May import: agent, linux, util, errors.
"""
