#!/usr/bin/env python3
"""A client that sends numbered datagrams, collects what comes back, and prints which were lost.

Nobody retransmits a lost datagram: without a timeout this client would wait for ever. Status 3 if one did not come
back whole. With --connect the socket reports a closed port (ICMP) as ECONNREFUSED; without it, it does not.
"""

import socket
import sys
import time

import arguments
import common
import signals


def collect(sock: socket.socket, missing: set[bytes], stay: bool) -> list[bytes]:
    """Return the answers in the order they came, until none is missing, or none has come for the socket's timeout."""
    answers: list[bytes] = []
    while missing or stay:
        with common.reports("recvfrom"):
            try:
                answer, _ = sock.recvfrom(65535)
            except TimeoutError:
                break
        answers.append(answer)
        missing.discard(answer[:8])
    return answers


def main() -> None:
    parser = arguments.client(__doc__)
    parser.add_argument("--count", type=arguments.number(1, 100000), default=10, metavar="N", help="default 10")
    parser.add_argument("--size", type=arguments.number(8, 70000), default=64, metavar="N", help="bytes, default 64")
    parser.add_argument("--timeout", type=arguments.seconds(0.001), default=1.0, metavar="SECONDS", help="default 1")
    parser.add_argument("--gap", type=arguments.seconds(), default=0, metavar="SECONDS", help="between two; default 0")
    parser.add_argument("--stay", action="store_true", help="wait the timeout out in any case: duplicates may follow")
    parser.add_argument("--connect", action="store_true", help="connect the socket first")
    options = parser.parse_args()
    signals.end_by_signal()
    server = (options.address, options.port)
    sent = {b"%08d" % n: b"".join(common.random_bytes(options.size - 8, n)) for n in range(options.count)}

    with socket.socket(common.family(options.address), socket.SOCK_DGRAM) as sock:
        common.set_options(sock, options)
        if options.connect:
            with common.reports("connect"):
                sock.connect(server)
        due = time.monotonic()
        for number, rest in sent.items():
            with common.reports("sendto"):
                sock.sendto(number + rest, server)  # the first one gives the socket its port, if connect has not
            due += options.gap
            time.sleep(max(0, due - time.monotonic()))  # a busy machine makes one late, but not those after it
        common.say("port", sock.getsockname()[1])
        sock.settimeout(options.timeout)
        answers = collect(sock, set(sent), options.stay)

    whole = {answer[:8] for answer in answers if sent.get(answer[:8]) == answer[8:]}
    cut = {a[:8] for a in answers if a[:8] in sent and a[:8] not in whole and sent[a[:8]].startswith(a[8:])}
    lost = [number for number in sent if number not in whole | cut]
    common.say("sent", len(sent), "back", len(answers), "whole", len(whole), "cut", len(cut), "lost", len(lost))
    common.say("order", *(int(answer[:8]) if answer[:8] in sent else "?" for answer in answers))
    if lost:
        common.say("lost", *map(int, lost))
    if len(whole) < len(sent):
        common.complain("not every datagram came back whole, and nobody sends it again; the lines above say which")
        sys.exit(common.NOT_VERIFIED)


if __name__ == "__main__":
    main()
