"""The virtual clock: a Linux kernel of our own, as a process of this machine, whose time jumps to the next timer."""
