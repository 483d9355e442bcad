"""What the system's own tools say inside a namespace, beside what the lab says of it."""

import os
import subprocess


def ask(pid: int, namespace: str, *command: str) -> str:
    """What a command says in a process's namespace: ``net``, ``uts``; but for root, by way of its user namespace."""
    own = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    inside = ["nsenter", f"--target={pid}", *own, f"--{namespace}", *command]
    paths = (
        f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where iproute2 is, and an ordinary user's PATH may not lead
    )
    return subprocess.run(
        inside, check=True, capture_output=True, text=True, env={**os.environ, "PATH": paths}
    ).stdout.strip()
