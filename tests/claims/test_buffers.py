"""The claims of buffers on histories written by hand: right, wrong in one thing at a time, with things missing."""

from collections.abc import Mapping

from badwire.evidence import Evidence
from scenarios.buffers import MANY, MOST, ONE, PINNED, SOME
from tests.claims.cases import Named, verdicts
from tests.claims.written import Written

LINES: dict[str, str | None] = {
    "tcp": "sndbuf 16384 rcvbuf 131072",
    "tcp-type": "1",
    "tcp-set-type": "ENOPROTOOPT",
    "udp": "sndbuf 212992 rcvbuf 212992",
    "udp-type": "2",
    "udp-set-type": "ENOPROTOOPT",
    "stream-default": "6",
    "stream-udp": "EPROTONOSUPPORT",
    "datagram-default": "17",
    "datagram-tcp": "EPROTONOSUPPORT",
    f"{ONE}": "sndbuf 4608 rcvbuf 2304",
    f"{SOME}": "sndbuf 20000 rcvbuf 20000",
    f"{MANY}": "sndbuf 425984 rcvbuf 425984",
    f"{MOST}": "sndbuf 425984 rcvbuf 425984",
}
NO_LINES: dict[str, str | None] = {}


def run(
    lines: Mapping[str, str | None] = NO_LINES,
    sysctls: Mapping[str, str] = PINNED,
    values: tuple[int, ...] = (16384, 46080, 20000, 20000),
) -> Evidence:
    """A correct history, but for what is changed: lines of the program's output by their first word, None for none."""
    w = Written(scenario="buffers", sysctls=dict(sysctls))
    written = {**LINES, **lines}
    out = "".join(f"{word} {rest}\n" for word, rest in written.items() if rest is not None)
    w.program("client", 1, "probe_socket", f"{ONE}", f"{SOME}", exits=1.2, out=out)
    for n, value in enumerate(values):
        w.call("client", 2 + n, "getsockopt", "SOL_SOCKET", "SO_SNDBUF", value=value, socket=1 + n // 2)
    return w.evidence()


WRONG: Named = [
    ("default_protocol", {"lines": {"stream-default": "132"}}),
    ("default_protocol", {"lines": {"datagram-default": "136"}}),
    ("type_and_protocol", {"lines": {"stream-udp": "17"}}),
    ("type_and_protocol", {"lines": {"datagram-tcp": "6"}}),
    ("type_is_fixed", {"lines": {"tcp-type": "2"}}),
    ("type_is_fixed", {"lines": {"tcp-set-type": "done"}}),
    ("type_is_fixed", {"lines": {"udp-type": "1"}}),
    ("type_is_fixed", {"lines": {"udp-set-type": "done"}}),
    ("defaults", {"lines": {"tcp": "sndbuf 4096 rcvbuf 131072"}}),
    ("defaults", {"lines": {"tcp": "sndbuf 16384 rcvbuf 4096"}}),
    ("doubled", {"lines": {f"{SOME}": "sndbuf 10000 rcvbuf 20000"}}),
    ("doubled", {"lines": {f"{SOME}": "sndbuf 20000 rcvbuf 10000"}}),
    ("least", {"lines": {f"{ONE}": "sndbuf 2 rcvbuf 2"}}),
    ("least", {"lines": {f"{ONE}": "sndbuf 4608 rcvbuf 256"}}),
    ("least", {"lines": {f"{ONE}": "sndbuf 512 rcvbuf 256"}}),
    ("least", {"lines": {f"{ONE}": "sndbuf 2048 rcvbuf 2304"}}),
    ("greatest", {"lines": {f"{MOST}": "sndbuf 4294967294 rcvbuf 425984"}}),
    ("grows_unless_set", {"values": (16384, 16384, 20000, 20000)}),
    ("grows_unless_set", {"values": (16384, 46080, 20000, 46080)}),
    ("grows_unless_set", {"values": (16384, 46080, 10000, 20000)}),
    ("grows_unless_set", {"values": (16384, 46080, 10000, 10000)}),
]
MISSING: Named = [
    ("default_protocol", {"lines": {"stream-default": None}}),
    ("type_and_protocol", {"lines": {"datagram-tcp": None}}),
    ("type_is_fixed", {"lines": {"udp-type": None}}),
    ("defaults", {"lines": {"tcp": None}}),
    ("defaults", {"sysctls": {}}),
    ("doubled", {"lines": {f"{SOME}": None}}),
    ("least", {"lines": {f"{ONE}": None}}),
    ("greatest", {"lines": {f"{MANY}": None}}),
    ("grows_unless_set", {"values": (16384, 46080)}),
]
test_verdicts = verdicts("buffers", run, wrong=WRONG, missing=MISSING)
