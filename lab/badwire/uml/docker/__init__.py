"""The disk of the Docker Engine inside the kernel: how it is made, and where it is kept.

May import: uml, substrate.docker and what lies below them.
"""
