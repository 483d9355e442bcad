"""The virtual clock: a User-Mode Linux kernel that runs as a process of this machine and whose time jumps ahead.

`build` compiles the kernel, `guest` has the code that runs inside it, and `docker` makes the disk of the Docker Engine
inside it. May import: scenario, testbed, substrate, options and what lies below them.
"""
