"""Makes the disks of the Docker Engine that runs inside the kernel, and keeps them in the user's cache.

May import: uml, substrate.docker and what lies below them.
"""
