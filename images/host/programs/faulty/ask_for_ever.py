#!/usr/bin/env python3
"""A UDP client that sends one datagram, and waits for the answer for ever.

THE MISTAKE: `recvfrom` without a timeout. Nobody retransmits a datagram that is lost, on its way there or
back: so nothing will ever arrive, and nothing will ever report that.
A correct one gives up after a time (SO_RCVTIMEO, `poll`), and asks again or says so: send_datagrams.py.
"""

import os
import socket

from above import arguments, common, signals


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("text", nargs="?", default="anybody there?", metavar="TEXT", help="what to send")
    options = parser.parse_args()
    signals.end_by_signal()

    with socket.socket(common.family(options.address), socket.SOCK_DGRAM) as sock:
        common.set_options(sock, options)
        with common.reports("sendto"):
            sock.sendto(os.fsencode(options.text), (options.address, options.port))
        with common.reports("recvfrom"):
            answer, _ = sock.recvfrom(65535)  # the mistake; right: after sock.settimeout(seconds)
    common.say("received", len(answer), common.beginning(answer))


if __name__ == "__main__":
    main()
