"""The virtual clock: a User-Mode Linux kernel, as a process of this machine, whose time jumps to the next timer.

`build` makes the kernel, `guest` is what runs inside it, `docker` the Docker Engine's disk for it. May import:
scenario, testbed, substrate, options and what lies below them.
"""
