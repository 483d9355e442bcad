"""Facts about Linux and calls that Python lacks: timers, congestion control, libc, fork.

May import: util, errors.
"""
