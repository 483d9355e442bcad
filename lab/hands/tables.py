"""The hosts' tables of sockets, once or as they change, for `lab sockets`."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lab.agent.messages import Message
from lab.channel import REPLY_WITHIN
from lab.hands.line import Line
from lab.host import Host

if TYPE_CHECKING:
    from lab.hands.desk import Desk

BEAT = 1.0  # seconds; timers run on where nothing changes
REST = 0.1  # seconds; nobody reads faster


def serve(desk: "Desk", line: Line, request: Message) -> None:
    """Say the tables; with ``watch`` again whenever one has changed, and every second, until the command is gone."""
    hosts = desk.hosts(request["hosts"])
    line.say(ok=look(hosts))
    if not request["watch"]:
        return
    names, changed, gone = {host.name for host in hosts}, threading.Event(), threading.Event()

    def listen(kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "broken" or (kind in ("sample", "lost") and fields["host"] in names):
            changed.set()

    def await_end() -> None:
        line.hear()
        gone.set()
        changed.set()

    threading.Thread(target=await_end, name="watching", daemon=True).start()
    with desk.recorder.told(listen):
        while not gone.wait(REST):
            changed.wait(BEAT)
            changed.clear()
            line.say(ok=look(hosts))


def look(hosts: list[Host]) -> dict[str, Any]:
    """Each host's table now. Raises LabError if an agent is gone."""
    asked = {host.name: host.begin("look") for host in hosts}
    return {name: future.result(REPLY_WITHIN) for name, future in asked.items()}
