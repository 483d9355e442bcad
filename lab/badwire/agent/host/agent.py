"""The agent on a host: what it does for each request."""

import os
import time
from collections.abc import Callable
from typing import Any

from badwire.agent.event_loop import Loop
from badwire.agent.host import system
from badwire.agent.host.programs import Programs
from badwire.agent.host.sampler import Sampler
from badwire.agent.host.sockets import Calls
from badwire.errors import LabError, NoPermission
from badwire.linux import libc
from badwire.util.jsonlines import Message

Reply = Callable[[Any], None]

# A reader of evidence wants these whether a scenario pins them or not: an expectation may hang on any of them.
ALWAYS_RECORDED = tuple(
    f"net.ipv4.{name}"
    for name in (
        *(
            "ip_local_port_range",
            "tcp_congestion_control",
            "tcp_early_retrans",
            "tcp_fin_timeout",
            "tcp_max_syn_backlog",
        ),
        *("tcp_no_metrics_save", "tcp_recovery", "tcp_retries1", "tcp_retries2", "tcp_rfc1337", "tcp_rmem", "tcp_sack"),
        *("tcp_syn_linear_timeouts", "tcp_syn_retries", "tcp_synack_retries", "tcp_syncookies", "tcp_timestamps"),
        *("tcp_tw_reuse", "tcp_window_scaling", "tcp_wmem"),
    )
)


class HostAgent:
    """Serves one host: programs, driven sockets, the table of sockets, counters."""

    def __init__(self, loop: Loop, send: Callable[[Message], None], scratch: str, user: int | None) -> None:
        self._loop, self._send = loop, send
        self._sampler: Sampler | None = None
        self._calls = Calls(self._record_call)
        self._programs = Programs(loop, send, self._changed, scratch, user)

    def handle(self, request: Message, reply: Reply) -> None:
        """Carry out a request; ``reply`` is called once, now or later, with its value or with a LabError."""
        getattr(self, f"_do_{request['do']}")(request, reply)

    def _do_hello(self, request: Message, reply: Reply) -> None:
        reply({"pid": os.getpid(), "interfaces": system.interfaces()})

    def _do_setup(self, request: Message, reply: Reply) -> None:
        """The one time that rights over the network are needed; afterwards they are gone."""
        try:
            for name, value in request["sysctls"].items():
                system.write_sysctl(name, value)
            if request["address"] is not None:
                system.set_address(system.INTERFACE, request["address"])
                system.up("lo")
                system.up(system.INTERFACE)
            system.drop_the_default_route()
            if request["route"]:
                system.set_metrics(system.INTERFACE, system.address_of(system.INTERFACE) or "", request["route"])
            offloads = system.turn_offloads_off(system.INTERFACE)
            self._sampler = Sampler(self._loop, self._send)
            libc.give_up(libc.CAP_NET_ADMIN, libc.CAP_NET_RAW, libc.CAP_SYS_ADMIN)
        except OSError as error:
            raise NoPermission(
                f"this host cannot be set up: {error}; its agent needs NET_ADMIN and NET_RAW once"
            ) from None
        self._sampler.watchers.append(self._programs.saw_table)
        self._sampler.look("asked")
        recorded = sorted({*ALWAYS_RECORDED, *request["sysctls"], *request.get("record", ())})
        facts = system.facts(system.INTERFACE, recorded)
        reply({**facts, "route": request["route"], "offloads": offloads, "t": time.monotonic_ns()})

    def _do_start(self, request: Message, reply: Reply) -> None:
        def ready(failure: LabError | None, program: Any) -> None:
            self._changed("program")
            reply(failure or {"program": program.number, "pid": program.process.pid})

        before = self._sample("asked") if request["ready"] == "listens" else []
        self._programs.start(request, ready, before)
        self._changed("program")

    def _do_signal(self, request: Message, reply: Reply) -> None:
        self._programs.signal(request["program"], request["signal"], request["everybody"])
        reply(None)

    def _do_terminal(self, request: Message, reply: Reply) -> None:
        program = self._programs.sit_down(request)
        self._changed("program")
        reply({"program": program.number})

    def _do_type(self, request: Message, reply: Reply) -> None:
        """Replies when the terminal has taken it."""
        self._programs.terminal(request["program"]).type(request["data"], lambda: reply(None))
        self._changed("program")

    def _do_took(self, request: Message, reply: Reply) -> None:
        self._programs.terminal(request["program"]).took(request["size"])
        reply(None)

    def _do_resize(self, request: Message, reply: Reply) -> None:
        self._programs.terminal(request["program"]).resize(request["rows"], request["columns"])
        reply(None)

    def _do_hang_up(self, request: Message, reply: Reply) -> None:
        self._programs.terminal(request["program"]).hang_up()
        reply(None)

    def _do_open(self, request: Message, reply: Reply) -> None:
        reply(self._calls.open(request["kind"]))

    def _do_call(self, request: Message, reply: Reply) -> None:
        """Replies from the call's own thread, when the call has returned."""
        self._calls.begin(request["socket"], request["call"], request["args"], reply)

    def _do_sample(self, request: Message, reply: Reply) -> None:
        reply(self._sample("asked"))

    def _do_look(self, request: Message, reply: Reply) -> None:
        """The table for whoever only looks: on record only if it has changed."""
        assert self._sampler is not None, "setup comes first"
        reply(self._sampler.look("looked"))

    def _do_sysctl(self, request: Message, reply: Reply) -> None:
        reply(system.read_sysctl(request["name"]))

    def _do_counters(self, request: Message, reply: Reply) -> None:
        self._send({"event": "counters", "t": time.monotonic_ns(), "counters": system.counters()})
        reply(None)

    def _do_processes(self, request: Message, reply: Reply) -> None:
        found = self._programs.processes()
        self._send({"event": "processes", "t": time.monotonic_ns(), "processes": found})
        reply(found)

    def _sample(self, cause: str) -> list[dict[str, Any]]:
        assert self._sampler is not None, "setup comes first"
        return self._sampler.look(cause)

    def _record_call(self, event: Message) -> None:
        self._send(event)
        self._loop.from_thread(lambda: self._changed("call"))

    def _changed(self, cause: str) -> None:
        if self._sampler is not None:
            self._sampler.trigger(cause)
