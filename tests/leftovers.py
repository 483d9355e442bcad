"""What a test must not leave behind: processes, containers, Docker networks, interfaces, qdiscs.

Things are compared before and after a test. Labs of other processes may come and go meanwhile: what belongs to a living
owner outside this test session is ignored.
"""

import ctypes
import os
import select
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute

from badwire.errors import MachineError
from badwire.util.owner import OWNER, is_dead
from tests.pace import Deadline

GONE_WITHIN = 2.0  # seconds; the promise for a run that is killed
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Things:
    """What exists at one moment, each with its name for the error message."""

    processes: frozenset[tuple[int, str]]
    engine: frozenset[str]
    links: frozenset[str]
    qdiscs: frozenset[str]

    def since(self, before: "Things") -> list[str]:
        """What was not there before."""
        new = [f"process {pid} ({name})" for pid, name in sorted(self.processes - before.processes)]
        return new + sorted((self.engine - before.engine) | (self.links - before.links) | (self.qdiscs - before.qdiscs))


class Watch:
    """Inspects this machine, before and after each test."""

    def __init__(self) -> None:
        # Orphans come to us in place of init, so that a process that outlives its parent is seen.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.netlink = IPRoute()
        self.client = connect()

    def close(self) -> None:
        self.netlink.close()
        if self.client is not None:
            self.client.close()

    def look(self) -> Things:
        """What exists now."""
        networks = self._networks()
        links = {link.get_attr("IFLA_IFNAME"): link for link in self.netlink.get_links()}
        index = {link["index"]: name for name, link in links.items()}
        engines_own = {f"br-{network['Id'][:12]}" for network in networks}
        # a wire's, by its bridge
        relays_of = tuple(f"lab{links[name]['index']}r" for name in engines_own & links.keys())
        # An engine's veth is on no bridge for a moment; whether its container is left behind is looked at by label.
        engines_make = ("veth", "br-", *relays_of)
        ours = {
            name
            for name, link in links.items()
            if os.geteuid() == 0  # nobody else could have left one in this namespace
            and not name.startswith(engines_make)
            and index.get(link.get_attr("IFLA_MASTER") or 0) not in engines_own
        }
        qdiscs = {
            f"qdisc {qdisc.get_attr('TCA_KIND')} on {index[qdisc['index']]}"
            for qdisc in self.netlink.get_qdiscs()
            if index.get(qdisc["index"]) in ours
        }
        return Things(
            frozenset(descendants()),
            frozenset(self._labelled(networks)),
            frozenset(f"interface {name}" for name in ours),
            frozenset(qdiscs),
        )

    def left_since(self, before: Things) -> list[str]:
        """What a test leaves behind: what is new, and still exists after the time that a killed run has to disappear.

        What appears and disappears in the meantime belongs to others.
        """
        deadline = Deadline(GONE_WITHIN)
        left = self.look().since(before)
        while left and (remaining := deadline.left()) > 0:
            await_ends([pid for pid, _ in descendants() - before.processes], min(remaining, 0.1))
            now = self.look().since(before)
            left = [thing for thing in left if thing in now]
        return left

    def _networks(self) -> list[dict[str, Any]]:
        return list(self.client.networks()) if self.client is not None else []

    def _labelled(self, networks: list[dict[str, Any]]) -> set[str]:
        if self.client is None:
            return set()
        containers = self.client.containers(all=True, filters={"label": OWNER})
        found = [("container", one["Names"][0].strip("/"), one["Labels"]) for one in containers]
        found += [("network", one["Name"], one["Labels"] or {}) for one in networks]
        ours = {str(os.getpid())} | {str(pid) for pid, _ in descendants()}
        return {
            f"{kind} {name}"
            for kind, name, labels in found
            if OWNER in labels and (is_dead(labels[OWNER]) or labels[OWNER].split("/")[-2] in ours)
        }


def connect() -> Any:
    """The engine, or None: then there is nothing of ours on it either."""
    from badwire.substrate.docker.client import connect

    try:
        return connect()
    except MachineError:
        return None


def descendants() -> set[tuple[int, str]]:
    """All processes below this one, orphans included; those that have ended and were ours to collect are collected."""
    parents: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            head, _, tail = (process / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it has ended
        pid, _, name = head.partition(" (")
        state, ppid = tail.split()[:2]
        if state == "Z" and int(ppid) == os.getpid():
            continue
        parents.setdefault(int(ppid), []).append(int(pid))
        names[int(pid)] = name
    found, frontier = set(), [os.getpid()]
    while frontier:
        children = parents.get(frontier.pop(), [])
        found |= {(pid, names[pid]) for pid in children}
        frontier += children
    return found


def await_ends(pids: list[int], timeout: float) -> None:
    """Wait until one of these processes ends, or for `timeout` seconds."""
    poll, fds = select.poll(), []
    try:
        for pid in pids:
            try:
                fds.append(os.pidfd_open(pid))
            except ProcessLookupError:
                continue
            poll.register(fds[-1], select.POLLIN)
        poll.poll(timeout * 1000)
    finally:
        for fd in fds:
            os.close(fd)
