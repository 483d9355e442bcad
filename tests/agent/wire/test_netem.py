"""What the lab requests of netem, compared with what tc requests.

The messages were recorded with ``strace -e trace=sendmsg -e write=3`` from iproute2 6.1.0 on Linux 6.18, on an
interface of index 3; the sequence number (bytes 8 to 11) is set to zero. Beside each are the arguments after
``tc qdisc replace dev v0 root handle 1: netem``. tc sends a message before the kernel can refuse it.
"""

import struct

import pytest

from badwire.agent.wire.netem import Configured, flat, options, request
from badwire.errors import UnsupportedFault
from badwire.faults import Corrupt, Delay, Duplicate, Fault, Loss, Netem, Partition, Rate, Reorder, combine
from badwire.units import Gbit, Mbit, kbit, ms

TICK = 64  # ns; /proc/net/psched: 000003e8 00000040 000f4240 3b9aca00
INDEX = 3
HEADER = 16  # bytes of struct nlmsghdr
START = "240005050000000000000000000000000300000000000100ffffffff000000000a0001006e6574656d000000"

RECORDED: dict[str, tuple[list[Fault] | Netem, str]] = {
    "limit 10000 delay 50ms": (
        [Delay(50 * ms)],
        "4c000000" + START + "1c000200c2eb0b001027000000000000000000000000000000000000",
    ),
    "limit 10000 delay 50ms 5ms": (
        [Delay(50 * ms, jitter=5 * ms)],
        "4c000000" + START + "1c000200c2eb0b00102700000000000000000000000000002d310100",
    ),
    "limit 10000 delay 200s": (
        [Delay(150), Delay(50)],
        "4c000000" + START + "1c00020040b743ba1027000000000000000000000000000000000000",
    ),
    "limit 10000 loss 10%": (
        [Loss(0.1)],
        "4c000000" + START + "1c00020000000000102700009a999919000000000000000000000000",
    ),
    "limit 10000 loss 33.3%": (
        [Loss(0.333)],
        "4c000000" + START + "1c0002000000000010270000ed7c3f55000000000000000000000000",
    ),
    "limit 10000 loss 100%": (
        [Partition()],
        "4c000000" + START + "1c0002000000000010270000ffffffff000000000000000000000000",
    ),
    "limit 10000 duplicate 1%": (
        [Duplicate(0.01)],
        "4c000000" + START + "1c00020000000000102700000000000000000000295c8f0200000000",
    ),
    "limit 10000 delay 10ms reorder 25% gap 1": (
        [Reorder(0.25, by=10 * ms)],
        "58000000" + START + "280002005a62020010270000000000000100000000000000000000000c0003000000004000000000",
    ),
    "limit 10000 corrupt 0.5%": (
        [Corrupt(0.005)],
        "58000000" + START + "280002000000000010270000000000000000000000000000000000000c00040014ae470100000000",
    ),
    "limit 500 rate 8mbit": (
        [Rate(8 * Mbit, limit=500)],
        "60000000" + START + "3000020000000000f401000000000000000000000000000000000000"
        "1400060040420f00000000000000000000000000",
    ),
    "limit 123 delay 1us 1us loss 100% duplicate 100% corrupt 100% rate 1kbit": (
        Netem(
            delay_ns=1000, jitter_ns=1000, loss=1.0, duplicate=1.0, corrupt=1.0, rate_bps=round(1 * kbit), limit=123
        ),
        "6c000000" + START + "3c0002000f0000007b000000ffffffff00000000ffffffff0f000000"
        "0c000400ffffffff00000000140006007d000000000000000000000000000000",
    ),
}  # fmt: skip


def attributes(data: bytes) -> dict[int, bytes]:
    """Type -> value of a row of netlink attributes."""
    found = {}
    while data:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def parts(data: bytes) -> tuple[bytes, bytes, bytes, dict[int, bytes]]:
    """(type, flags and struct tcmsg; the kind; the fixed options; the attributes of the options)"""
    length, kind, flags = struct.unpack_from("=IHH", data)
    assert length == len(data)
    outer = attributes(data[36:])
    return struct.pack("=HH", kind, flags) + data[16:36], outer[1], outer[2][:24], attributes(outer[2][24:])


def one(what: list[Fault] | Netem) -> Netem:
    """The netem of a port's faults, or one that no list of faults gives but a message can describe."""
    return what if isinstance(what, Netem) else combine(what)


def ours(what: list[Fault] | Netem) -> bytes:
    return request(INDEX, one(what), TICK).message(0)


@pytest.mark.parametrize("arguments", RECORDED)
def test_it_requests_what_tc_requests(arguments: str) -> None:
    faults, recorded = RECORDED[arguments]
    head, kind, fixed, given = parts(bytes.fromhex(recorded))
    our_head, our_kind, our_fixed, our_given = parts(ours(faults))
    assert our_head == head
    assert our_kind == kind == b"netem\0"
    assert our_fixed == fixed
    assert {name: our_given[name] for name in given} == given


@pytest.mark.parametrize("arguments", RECORDED)
def test_what_tc_leaves_out_is_zero(arguments: str) -> None:
    """tc does not mention these, and the kernel then keeps their previous values."""
    faults, recorded = RECORDED[arguments]
    given = parts(bytes.fromhex(recorded))[3]
    our_given = parts(ours(faults))[3]
    assert sorted(our_given) == [1, 3, 4, 6]  # CORR, REORDER, CORRUPT, RATE
    assert all(not any(value) for name, value in our_given.items() if name not in given)


@pytest.mark.parametrize("arguments", RECORDED)
def test_what_is_read_back_is_compared_option_by_option(arguments: str) -> None:
    faults, recorded = RECORDED[arguments]
    found = Configured.decode(bytes.fromhex(recorded)[HEADER:]).values
    asked = flat(options(one(faults), TICK))
    assert found.items() <= asked.items()
    assert not any(asked[name] for name in asked.keys() - found.keys())


def test_a_port_without_faults_has_a_netem_that_does_nothing() -> None:
    _, _, fixed, given = parts(ours(Netem()))
    assert struct.unpack("=6I", fixed) == (0, 10_000, 0, 0, 0, 0)
    assert not any(b"".join(given.values()))


def test_a_seed_is_the_attribute_that_the_kernel_knows_since_linux_6_6() -> None:
    asked = request(INDEX, Netem(loss=0.5), TICK, seed=2**64 - 2)
    given = parts(asked.message(0))[3]
    assert struct.unpack("=Q", given[14]) == (2**64 - 2,)  # TCA_NETEM_PRNG_SEED
    assert Configured.decode(asked.body).seed == 2**64 - 2


def test_a_time_is_cut_to_the_kernels_ticks() -> None:
    assert options(Netem(delay_ns=127), TICK)["delay"] == 1
    assert options(Netem(delay_ns=128), TICK)["delay"] == 2


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UnsupportedFault, match=r"delay.*relay"):
        options(Netem(delay_ns=300_000_000_000), TICK)
    with pytest.raises(UnsupportedFault, match=r"rate.*relay"):
        options(combine([Rate(100 * Gbit)]), TICK)
