"""An agent's messages to a lab that reads slowly, or no longer reads, over a real socket."""

import socket

from badwire.agent.event_loop import Loop
from badwire.agent.outbox import Outbox
from badwire.util.jsonlines import Decoder, Message

MEGABYTE = bytes(1 << 20)  # more than a socket takes at once


def read_until(reader: socket.socket, count: int) -> list[Message]:
    decoder = Decoder()
    found: list[Message] = []
    while len(found) < count:
        found += decoder.feed(reader.recv(1 << 16))
    return found


def test_whoever_sends_does_not_wait_and_the_order_is_kept() -> None:
    reader, writer = socket.socketpair()
    with reader, writer:
        loop = Loop()
        outbox = Outbox(loop, writer.fileno(), lambda: None)
        for number in range(8):
            outbox.send({"event": "blocks", "number": number, "blocks": MEGABYTE})
        found: list[Message] = []
        decoder = Decoder()

        def read() -> None:
            found.extend(decoder.feed(reader.recv(1 << 16)))
            if len(found) == 8:
                loop.stop()

        loop.reader(reader.fileno(), read)
        loop.run()
        assert [message["number"] for message in found] == list(range(8))
        assert all(message["blocks"] == MEGABYTE for message in found)


def test_it_is_full_until_the_lab_has_caught_up() -> None:
    reader, writer = socket.socketpair()
    with reader, writer:
        loop = Loop()
        outbox = Outbox(loop, writer.fileno(), lambda: None)
        assert outbox.has_room
        while outbox.has_room:
            outbox.send({"blocks": MEGABYTE})

        def read() -> None:
            reader.recv(1 << 20)
            if outbox.has_room:
                loop.stop()

        loop.reader(reader.fileno(), read)
        loop.run()
        assert outbox.has_room


def test_a_lab_that_is_gone_is_told() -> None:
    reader, writer = socket.socketpair()
    gone: list[bool] = []
    with writer:
        outbox = Outbox(Loop(), writer.fileno(), lambda: gone.append(True))
        outbox.send({"event": "one"})
        assert read_until(reader, 1) == [{"event": "one"}]
        reader.close()
        outbox.send({"event": "two"})
        assert gone
