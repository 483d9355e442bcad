"""The process that keeps a lab up in the background, started by `badwire up`, ended by `badwire down` or a signal.

It ends as a run does: everything is undone, and a report is written. If it is killed, it leaves only its entry in the
registry. Until the lab is up it belongs to `badwire up`, and ends when that does.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from badwire.errors import LabError, RunError
from badwire.options import SNAPLEN, Options
from badwire.result.judge import INTERACTIVE
from badwire.run.real_clock import RealClock
from badwire.scenario import settings
from badwire.session import registry
from badwire.session.connection import ControlConnection
from badwire.session.final_report import write_report
from badwire.session.server import SessionServer
from badwire.store import run_folder
from badwire.testbed.lab import Lab, open_lab
from badwire.topology import compose
from badwire.topology.topology import Topology
from badwire.util import project
from badwire.util.crash import report_bug
from badwire.util.signals import Interrupted, interruptible


@dataclass(frozen=True)
class LabRequest:
    """The lab that `badwire up` asks for.

    Attributes:
        name: the lab's name, "lab" by default.
        engine: "auto", "netem" or "relay".
        seed: the seed of all random numbers.
        out: the folder of all runs.
        substrate: "auto", "docker" or "netns".
        hosts: the number of hosts of each name, where it is not one.
        sysctls: settings by host; those under "" are for every host.
        mounts: paths of this machine that the hosts see, read-only.
        ipv6: whether each host has an IPv6 address too, whatever the compose file says.
        compose: the compose file with the hosts; empty for the lab's own.
        attach: the projects, networks and containers to join; empty for hosts of the lab's own.
        network: the network on which they are joined; empty if they share only one.
        addresses: how many addresses of each family a host has, by its name, where it is not one.
        env: variables of the environment of every program.
        snaplen: how many bytes of each frame the capture keeps.
    """

    name: str
    engine: str
    seed: int
    out: str
    substrate: str = "auto"
    hosts: Mapping[str, int] = field(default_factory=dict)
    sysctls: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    ipv6: bool = False
    compose: str = ""
    attach: tuple[str, ...] = ()
    network: str = ""
    addresses: Mapping[str, int] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    snaplen: int = SNAPLEN

    @property
    def topology(self) -> Topology:
        """The hosts of the compose file, each in the number requested. Raises BadTopology."""
        file = Path(self.compose) if self.compose else project.COMPOSE
        topology = compose.load(file).with_hosts(**self.hosts).with_addresses(**self.addresses)
        return topology.with_ipv6() if self.ipv6 else topology

    def host_sysctls(self) -> dict[str, dict[str, str]]:
        """The settings of each host. Raises BadOption for a host that the topology does not have."""
        for_all = self.sysctls.get("", {})
        by_host = {host: values for host, values in self.sysctls.items() if host}
        names = [host.name for host in self.topology.hosts]
        checked = settings.for_each(by_host, names)
        merged = {}
        for name in names:
            merged[name] = {**for_all, **checked.get(name, {})}
        return merged


class StarterConnection:
    """The connection to `badwire up`, which waits until the lab is up and then confirms it.

    If `badwire up` ends before that, by Ctrl-C or by a signal, this process ends too.

    Attributes:
        confirmed: whether `badwire up` has confirmed that the lab is up.
    """

    def __init__(self, connection: ControlConnection) -> None:
        self.connection = connection
        self.confirmed = False
        threading.Thread(target=self._wait_for_confirmation, name="starter", daemon=True).start()

    def report_progress(self, text: str) -> None:
        """Report a step."""
        with suppress(OSError):
            self.connection.send(progress=text)

    def report_ready(self, **facts: object) -> None:
        """Report that the lab is up."""
        with suppress(OSError):
            self.connection.send(ready=facts)

    def _wait_for_confirmation(self) -> None:
        self.confirmed = self.connection.receive() is not None
        if not self.confirmed:
            os.kill(os.getpid(), signal.SIGTERM)


def keep_lab(request: LabRequest, starter: StarterConnection) -> None:
    """Bring the lab up, serve commands until one ends it, and write the report. Raises LabError, Interrupted."""
    if request.attach:
        from badwire.substrate.docker import attached  # only here, since it loads the engine's SDK

        joined = attached.find(request.attach, request.network)
        topology = attached.topology(joined)
        sysctls = {}
    else:
        topology = request.topology
        sysctls = request.host_sysctls()
    for removed in registry.remove_dead():
        starter.report_progress(removed)
    with registry.register(request.name) as registration:
        options = Options(
            substrate="docker" if request.attach else request.substrate,
            engine=request.engine,
            seed=request.seed,
            out=Path(request.out),
        )
        server = SessionServer()
        substrate = RealClock(options, starter.report_progress).substrate
        if request.attach:
            substrate = attached.Attached(
                joined,
                starter.report_progress,
                on_noted=lambda noted: registration.write(noted=noted),
                on_change=server.changes.changed,
            )
        folder = run_folder.make(options.out, INTERACTIVE.name)
        began = time.monotonic()
        registration.write(folder=str(folder))
        error: LabError | None = None
        try:
            with open_lab(
                topology,
                substrate,
                folder=folder,
                scenario=INTERACTIVE.name,
                engine=request.engine,
                seed=request.seed,
                sysctls=sysctls,
                mounts=[Path(path) for path in request.mounts],
                snaplen=request.snaplen,
                env=request.env,
                recording=server.make_recorder,
                progress=starter.report_progress,
            ) as lab:
                facts = _facts(lab)
                registration.write(**facts)
                run_folder.link_latest(folder)
                with server.serving(lab, registration.listener):
                    starter.report_ready(**facts)
                    server.wait()
        except Interrupted:
            if not starter.confirmed:
                raise
        except LabError as failure:
            if not starter.confirmed:
                raise
            error = failure
        warnings = write_report(folder, options.out, error, began)
        if server.recorder.trouble:
            warnings.insert(0, server.recorder.trouble)
        error_text = "" if error is None else str(error)
        server.send_result(folder=str(folder), error=error_text, warnings=warnings)


def _facts(lab: Lab) -> dict[str, object]:
    hosts = {name: " ".join(host.addresses) for name, host in lab.hosts.items()}
    return {"folder": str(lab.folder), "substrate": lab.substrate, "hosts": hosts}


def main() -> None:
    """Run the daemon. Its argument is the descriptor of a socket to `badwire up`, which sends a LabRequest first."""
    fd = int(sys.argv[1])
    connection = ControlConnection(socket.socket(fileno=fd))
    fields = connection.receive_reply()
    for name in ("mounts", "attach"):
        fields[name] = tuple(fields.get(name, ()))
    request = LabRequest(**fields)
    with suppress(Interrupted), interruptible():
        starter = StarterConnection(connection)
        try:
            keep_lab(request, starter)
        except LabError as error:
            connection.send_error(error)
        except Exception as error:
            connection.send_error(RunError(report_bug(error)))


if __name__ == "__main__":
    main()
