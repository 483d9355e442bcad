"""Constants and formulas of the Linux kernel (timers, congestion control, TCP states), and system calls (libc, fork).

May import: util, errors.
"""
