#!/usr/bin/env python3
"""An echo server with one event loop: one process, one thread, many clients.

It never waits for one client. What a client does not take yet stays in that client's buffer; while the buffer is full
the server reads no more from that client, and TCP's window tells the client to stop.
"""

import selectors
import socket

import arguments
import common
import signals

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
FULL = 65536  # bytes


def serve(
    connection: socket.socket, peer: tuple[str, int], unsent: bytearray, events: int, options: arguments.Options
) -> int:
    """Do what can be done at once; return the events to wait for next, 0 when this client is served."""
    if events & WRITE:
        del unsent[: connection.send(unsent)]  # send may take less than all
    if events & READ:
        data = connection.recv(4096)
        if not data:  # the client has closed its direction, but may still read; recv will say so again
            return WRITE if unsent else 0
        common.received(options, peer, data)
        unsent += data
    return (READ if len(unsent) < FULL else 0) | (WRITE if unsent else 0)


def main() -> None:
    parser = arguments.server(__doc__)
    arguments.printing(parser)
    options = parser.parse_args()
    signals.stop_at_once()
    with socket.socket(common.family(options.address), socket.SOCK_STREAM) as listener:
        common.set_options(listener, options)
        with common.reports("bind"):
            listener.bind((options.address, options.port))
        with common.reports("listen"):
            listener.listen(options.backlog)
        common.ready(listener)

        selector = selectors.DefaultSelector()
        selector.register(listener, READ)
        while True:
            for key, events in selector.select():
                if key.fileobj is listener:
                    with common.reports("accept"):
                        connection, peer = listener.accept()
                    common.accepted(peer)
                    connection.setblocking(False)
                    selector.register(connection, READ, (connection, peer, bytearray()))
                    continue
                connection, peer, unsent = key.data
                wanted = 0
                with common.outlive(peer):
                    wanted = serve(connection, peer, unsent, events, options)
                if wanted:
                    selector.modify(connection, wanted, key.data)
                else:
                    common.left(options, peer)
                    selector.unregister(connection)
                    connection.close()


if __name__ == "__main__":
    main()
