"""What runs inside the kernel: its PID 1, and the jobs that it is booted for.

May import: uml.paths, scenario, substrate, agent and what lies below them.
"""
