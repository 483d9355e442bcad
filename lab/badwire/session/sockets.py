"""The hosts' socket tables for `badwire sockets`, once or as they change."""

import threading
from typing import Any

from badwire.session.connection import ControlConnection
from badwire.session.interactive_lab import InteractiveLab
from badwire.session.recorder import RecordFields
from badwire.testbed.channel import REPLY_TIMEOUT
from badwire.testbed.host import Host
from badwire.util.jsonlines import Message

REFRESH = 1.0  # seconds: timers run down even where no socket changes state
MIN_INTERVAL = 0.1  # seconds between two tables; people do not read faster


def serve_sockets(interactive: InteractiveLab, connection: ControlConnection, request: Message) -> None:
    """Send the tables; with ``watch`` again after each change and every second, until the command ends."""
    hosts = interactive.hosts(request["hosts"])
    tables = read_tables(hosts)
    connection.send(ok=tables)
    if not request["watch"]:
        return
    names = [host.name for host in hosts]
    changed = threading.Event()
    command_ended = threading.Event()

    def on_record(kind: str, fields: RecordFields) -> None:
        of_these_hosts = kind in ("sample", "lost") and fields["host"] in names
        if kind == "broken" or of_these_hosts:
            changed.set()

    def wait_for_end() -> None:
        connection.receive()
        command_ended.set()
        changed.set()

    threading.Thread(target=wait_for_end, name="end of a command", daemon=True).start()
    with interactive.recorder.listening(on_record):
        while not command_ended.wait(MIN_INTERVAL):
            changed.wait(REFRESH)
            changed.clear()
            tables = read_tables(hosts)
            connection.send(ok=tables)


def read_tables(hosts: list[Host]) -> dict[str, Any]:
    """Read each host's table from its kernel. Raises AgentLost if an agent has ended."""
    futures = {host.name: host.begin("sockets") for host in hosts}
    return {name: future.result(REPLY_TIMEOUT) for name, future in futures.items()}
