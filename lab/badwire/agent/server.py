"""An agent's server: reads requests, answers them, and ends when the stream ends."""

import os
import threading
from collections.abc import Callable
from typing import Any

from badwire.agent.event_loop import Loop
from badwire.errors import LabError, to_wire
from badwire.util.jsonlines import Decoder, Message, encode

_CHUNK = 1 << 16

Send = Callable[[Message], None]
Handler = Callable[[Message, Callable[[Any], None]], None]
Close = Callable[[], None]


def serve(kind: str, incoming: int, outgoing: int, scratch: str, user: int | None) -> None:
    """Serve as ``host`` or ``wire`` on two descriptors until the lab closes its end.

    A request that fails is answered with the error. Any other exception ends the agent; the lab quotes its traceback,
    from stderr.

    Args:
        scratch: the folder that programs may write to.
        user: the user and group that programs run as; None: the agent's own.
    """
    loop = Loop()
    decoder = Decoder()
    sending = threading.Lock()

    def send(message: Message) -> None:
        data = encode(message)
        with sending:
            try:
                while data:
                    data = data[os.write(outgoing, data) :]
            except OSError:
                loop.from_thread(loop.stop)  # the lab is gone

    handle, close = _host(loop, send, scratch, user) if kind == "host" else _wire(loop, send)

    def read() -> None:
        data = os.read(incoming, _CHUNK)
        if not data:
            loop.stop()
        for request in decoder.feed(data):
            reply = _replier(request, send)
            try:
                handle(request, reply)
            except LabError as error:
                reply(error)

    loop.reader(incoming, read)
    try:
        loop.run()
    finally:
        close()


def _replier(request: Message, send: Callable[[Message], None]) -> Callable[[Any], None]:
    def reply(value: Any) -> None:
        if isinstance(value, LabError):
            send({"id": request["id"], **to_wire(value)})
        else:
            send({"id": request["id"], "ok": value})

    return reply


def _host(loop: Loop, send: Send, scratch: str, user: int | None) -> tuple[Handler, Close]:
    from badwire.agent.host.agent import HostAgent

    return HostAgent(loop, send, scratch, user).handle, lambda: None


def _wire(loop: Loop, send: Send) -> tuple[Handler, Close]:
    # Imported here, since it needs pyroute2, which would cost a host's agent time and memory.
    from badwire.agent.wire.agent import WireAgent

    agent = WireAgent(loop, send)
    return lambda request, reply: reply(agent.handle(request)), agent.close
