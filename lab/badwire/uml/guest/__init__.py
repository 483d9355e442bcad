"""The code that runs inside the lab's own kernel: PID 1, and the jobs that the kernel is booted for.

May import: uml.paths, scenario, substrate, agent and what lies below them.
"""
