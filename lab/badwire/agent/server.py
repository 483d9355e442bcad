"""An agent's server: reads requests, answers them, and ends when the stream ends."""

import os
import threading
from collections.abc import Callable
from typing import Any

from badwire.agent.event_loop import Loop
from badwire.agent.host.defaults import ProgramDefaults
from badwire.agent.outbox import Outbox
from badwire.errors import LabError, to_wire
from badwire.util.jsonlines import Decoder, Message, MessageHandler, pack

_CHUNK = 1 << 16

Reply = Callable[[Any], None]
Handler = Callable[[Message, Reply], None]
Close = Callable[[], None]


def serve(incoming: int, outgoing: int, defaults: ProgramDefaults | None) -> None:
    """Serve on two descriptors until the lab closes its end.

    A request that fails is answered with the error. Any other exception ends the agent; the lab quotes its traceback,
    from stderr.

    Args:
        defaults: as the agent of a host: what its programs get; None: as the agent of the wire.
    """
    loop = Loop()
    decoder = Decoder()
    send: MessageHandler
    if defaults is None:
        outbox = Outbox(loop, outgoing, loop.stop)
        send = outbox.send
        handle, close = _wire(loop, outbox)
    else:
        send = _waiting_sender(outgoing, lambda: loop.from_thread(loop.stop))
        handle, close = _host(loop, send, defaults)

    def read() -> None:
        data = os.read(incoming, _CHUNK)
        if not data:
            loop.stop()
            return
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


def _waiting_sender(fd: int, lost: Callable[[], None]) -> MessageHandler:
    """A function that sends messages, for several threads; ``lost`` is called when the lab is gone."""
    sending = threading.Lock()

    def send(message: Message) -> None:
        data = pack(message)
        with sending:
            try:
                while data:
                    written = os.write(fd, data)
                    data = data[written:]
            except OSError:
                lost()

    return send


def refuse(incoming: int, outgoing: int, error: LabError) -> None:
    """Answer every request with ``error``, until the lab closes its end."""
    decoder = Decoder()

    def send(message: Message) -> None:
        os.write(outgoing, pack(message))

    while data := os.read(incoming, _CHUNK):
        for request in decoder.feed(data):
            _replier(request, send)(error)


def _replier(request: Message, send: MessageHandler) -> Reply:
    """A function that sends the answer to ``request``: a value, or a LabError."""
    number = request["id"]

    def reply(value: Any) -> None:
        if isinstance(value, LabError):
            send({"id": number, **to_wire(value)})
        else:
            send({"id": number, "ok": value})

    return reply


def _host(loop: Loop, send: MessageHandler, defaults: ProgramDefaults) -> tuple[Handler, Close]:
    from badwire.agent.host.agent import HostAgent

    def close() -> None:
        """Nothing: what a host's agent made ends with its process."""

    agent = HostAgent(loop, send, defaults)
    return agent.handle, close


def _wire(loop: Loop, outbox: Outbox) -> tuple[Handler, Close]:
    # Imported here, since it would cost a host's agent time and memory.
    from badwire.agent.wire.agent import WireAgent

    agent = WireAgent(loop, outbox)

    def handle(request: Message, reply: Reply) -> None:
        answer = agent.handle(request)
        reply(answer)

    return handle, agent.close
