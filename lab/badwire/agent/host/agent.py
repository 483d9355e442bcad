"""The agent on a host: carries out the lab's requests."""

import os
import time
from collections.abc import Callable
from typing import Any

from badwire.agent.event_loop import Loop
from badwire.agent.host import defaults, system
from badwire.agent.host.defaults import ProgramDefaults
from badwire.agent.host.inet_diag import SocketEntry
from badwire.agent.host.outgoing import Outgoing
from badwire.agent.host.program import HostProgram
from badwire.agent.host.programs import Programs
from badwire.agent.host.sampler import Sampler
from badwire.agent.host.sockets import ControlledSockets
from badwire.errors import LabError, MachineError, NoPermission
from badwire.linux import ipv6, libc
from badwire.util.jsonlines import Message, MessageHandler

Reply = Callable[[Any], None]

# Recorded whether a scenario sets them or not, since any claim may depend on them.
ALWAYS_RECORDED = (
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_early_retrans",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_no_metrics_save",
    "net.ipv4.tcp_recovery",
    "net.ipv4.tcp_retries1",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_wmem",
)


class HostAgent:
    """Serves one host: its programs, controlled sockets, socket table, and counters."""

    def __init__(self, loop: Loop, send: MessageHandler, given: ProgramDefaults) -> None:
        self._loop = loop
        self._send = send
        self._interface = system.INTERFACE
        self._sampler: Sampler | None = None
        self._sockets = ControlledSockets(send, self._call_returned)
        self._outgoing: dict[int, Outgoing] = {}  # by the lab's number
        self._programs = Programs(loop, send, self._changed, given)

    def handle(self, request: Message, reply: Reply) -> None:
        """Carry out a request; ``reply`` is called once, now or later, with its value or with a LabError."""
        name = request["do"]
        do = getattr(self, f"_do_{name}")
        do(request, reply)

    def _do_hello(self, request: Message, reply: Reply) -> None:
        """Say where this host's end of the link is: in a joined container, the interface that has ``address``."""
        address = request.get("address")
        if address is not None:
            self._interface = system.interface_with(address) or system.INTERFACE
        reply({"pid": os.getpid(), "interface": system.numbers(self._interface)})

    def _do_setup(self, request: Message, reply: Reply) -> None:
        """Configure the network, then drop the capabilities for that, which no other request needs."""
        try:
            if request["joined"]:
                offloads = system.offloads(self._interface)  # the restorer has turned them off
            else:
                _configure_network(request)
                offloads = system.turn_offloads_off(self._interface)
            self._sampler = Sampler(self._loop, self._send)
            self._programs.confine()
            libc.drop_capabilities(libc.CAP_NET_ADMIN, libc.CAP_NET_RAW, libc.CAP_SYS_ADMIN)
        except OSError as error:
            raise NoPermission(
                f"this host cannot be set up: {error}; its agent needs NET_ADMIN and NET_RAW at the start"
            ) from None
        if request["come_last"]:
            self._programs.come_last()
        self._sampler.watchers.append(self._programs.table_sampled)
        self._sampler.sample("asked")
        sysctls = {*ALWAYS_RECORDED, *request["sysctls"], *request.get("record", ())}
        facts = system.facts(self._interface, sorted(sysctls))
        reply({**facts, "route": request["route"], "offloads": offloads, "t": time.monotonic_ns()})

    def _do_start(self, request: Message, reply: Reply) -> None:
        def ready(failure: LabError | None, program: HostProgram) -> None:
            self._changed("program")
            if failure is not None:
                reply(failure)
            else:
                reply({"program": program.number, "pid": program.pid})

        sockets: list[SocketEntry] = []
        if request["ready"] == "listens":
            sockets = self._sample("asked")
        self._programs.start(request, ready, sockets)
        self._changed("program")

    def _do_signal(self, request: Message, reply: Reply) -> None:
        self._programs.signal(request["program"], request["signal"], request["group"])
        reply(None)

    def _do_terminal(self, request: Message, reply: Reply) -> None:
        program = self._programs.start_on_terminal(request)
        self._changed("program")
        reply({"program": program.number})

    def _do_type(self, request: Message, reply: Reply) -> None:
        """Replies with True when the program's input has taken all of it, with False when nobody reads it any more."""
        program = self._programs.program(request["program"])
        program.type(request["data"], reply)
        self._changed("program")

    def _do_end_input(self, request: Message, reply: Reply) -> None:
        program = self._programs.program(request["program"])
        program.end_input()
        reply(None)

    def _do_acknowledge(self, request: Message, reply: Reply) -> None:
        program = self._programs.program(request["program"])
        program.acknowledge(request["size"])
        reply(None)

    def _do_resize(self, request: Message, reply: Reply) -> None:
        terminal = self._programs.terminal(request["program"])
        terminal.resize(request["rows"], request["columns"])
        reply(None)

    def _do_hang_up(self, request: Message, reply: Reply) -> None:
        terminal = self._programs.terminal(request["program"])
        terminal.hang_up()
        reply(None)

    def _do_open(self, request: Message, reply: Reply) -> None:
        number = self._sockets.open(request["kind"], request["family"])
        reply(number)

    def _do_call(self, request: Message, reply: Reply) -> None:
        """Replies from the call's own thread, when the call has returned."""
        self._sockets.begin(request["socket"], request["call"], request["args"], reply)

    def _do_blocking(self, request: Message, reply: Reply) -> None:
        """Record which calls of controlled sockets have not returned yet."""
        self._send({"event": "blocking", "t": time.monotonic_ns(), "calls": self._sockets.blocking()})
        reply(None)

    def _do_settle(self, request: Message, reply: Reply) -> None:
        """Record what has happened until now: output of programs, blocking calls, the socket table."""
        self._programs.read_now()
        self._sample("asked")
        self._do_blocking(request, reply)

    def _do_connect(self, request: Message, reply: Reply) -> None:
        """Open a connection for the lab; replies once it is established, or with the errno's name if that fails."""
        connection = Outgoing(self._loop)
        self._outgoing[request["connection"]] = connection
        connection.connect(request["address"], request["port"], reply)

    def _do_read_outgoing(self, request: Message, reply: Reply) -> None:
        connection = self._outgoing.get(request["connection"])
        if connection is None:
            reply(None)
        else:
            connection.read(reply)

    def _do_write_outgoing(self, request: Message, reply: Reply) -> None:
        connection = self._outgoing.get(request["connection"])
        if connection is None:
            reply(False)
        else:
            connection.write(request["data"], reply)

    def _do_end_outgoing(self, request: Message, reply: Reply) -> None:
        connection = self._outgoing.get(request["connection"])
        if connection is not None:
            connection.end()
        reply(None)

    def _do_close_outgoing(self, request: Message, reply: Reply) -> None:
        """May be asked twice: when either side of a forwarded connection breaks, and when it ends."""
        connection = self._outgoing.pop(request["connection"], None)
        if connection is not None:
            connection.close(request["reset"])
        reply(None)

    def _do_sample(self, request: Message, reply: Reply) -> None:
        self._sample("asked")
        reply(None)

    def _do_sockets(self, request: Message, reply: Reply) -> None:
        """The socket table; unlike ``sample``, recorded only if it has changed."""
        sockets = self._sample("polled")
        reply(sockets)

    def _do_sysctl(self, request: Message, reply: Reply) -> None:
        value = system.read_sysctl(request["name"])
        reply(value)

    def _do_gaps(self, request: Message, reply: Reply) -> None:
        reply(self._programs.gaps)

    def _do_counters(self, request: Message, reply: Reply) -> None:
        now = time.monotonic_ns()
        self._send({"event": "counters", "t": now, "counters": system.counters()})
        reply(None)

    def _do_processes(self, request: Message, reply: Reply) -> None:
        found = self._programs.processes()
        self._send({"event": "processes", "t": time.monotonic_ns(), "processes": found})
        reply(found)

    def _sample(self, cause: str) -> list[SocketEntry]:
        assert self._sampler is not None, "setup comes first"
        return self._sampler.sample(cause)

    def _call_returned(self) -> None:
        self._loop.from_thread(lambda: self._changed("call"))

    def _changed(self, cause: str) -> None:
        if self._sampler is not None:
            self._sampler.trigger(cause)


def _configure_network(request: Message) -> None:
    has_ipv6 = system.has_ipv6()
    if request["address6"] is not None and not has_ipv6:
        raise MachineError(
            "the lab asks for IPv6, and this machine's kernel has none; boot it without ipv6.disable=1, or leave it out"
        )
    if request["address"] is not None:  # else the engine has set them
        has_nobody = system.has_group(defaults.NOBODY)
        for name, value in defaults.sysctls(os.getegid(), has_nobody=has_nobody).items():
            system.write_sysctl(name, value)
    for name, value in request["sysctls"].items():
        if has_ipv6 or ipv6.OFF.get(name) != value:  # without IPv6 there is nothing to turn off
            system.write_sysctl(name, value)
    further = request["further"]
    if request["address"] is not None:
        system.set_address(system.INTERFACE, request["address"])
        system.up("lo")
        system.up(system.INTERFACE)
    else:
        system.refuse_name_server()
    for address in further:
        if ":" not in address:
            system.add_address(system.INTERFACE, address)
    if request["address6"] is not None:
        if system.read_sysctl(f"net.ipv6.conf.{system.INTERFACE}.disable_ipv6") != "0":
            raise MachineError(
                "the lab asks for IPv6, and the engine has turned it off on this host's interface; use the substrate"
                " netns, or do not ask for it"
            )
        for link_local in system.tentative(system.INTERFACE):
            system.remove_address6(system.INTERFACE, link_local)
            system.add_address(system.INTERFACE, link_local)
        # The kernel sends from the one that came last, where no rule of RFC 6724 decides (net/ipv6/addrconf.c,
        # ipv6_link_dev_addr); so the first one of the host does.
        for address in further:
            if ":" in address:
                system.add_address(system.INTERFACE, address)
        system.add_address(system.INTERFACE, request["address6"])
    system.remove_default_route()
    if request["route"]:
        address = system.address_of(system.INTERFACE) or ""
        for own in (address, request["address6"]):
            if own:
                system.set_metrics(system.INTERFACE, own, request["route"])
