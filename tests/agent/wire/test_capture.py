"""The capture's filter, run as the kernel runs it, and its clock."""

import struct
import time

from badwire.agent.wire.capture import filter_program, monotonic_minus_wall

INSTRUCTION = struct.Struct("=HBBI")


def run(program: bytes, interface: int) -> int:
    """What classic BPF returns for a frame on this interface: bytes to keep, 0 for none."""
    code = list(INSTRUCTION.iter_unpack(program))
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == 0x06:  # ret #k
            return int(k)
        if operation == 0x20:  # ld [k]
            assert k == 0xFFFFF000 + 8  # SKF_AD_OFF + SKF_AD_IFINDEX (linux/filter.h)
            accumulator = interface
        elif operation == 0x15:  # jeq #k
            at += if_true if accumulator == k else if_false
        else:
            raise AssertionError(f"operation {operation:#x} is not expected here")


def test_only_the_labs_own_ports_are_accepted() -> None:
    program = filter_program({7: "server", 9: "client"}, 4096)
    assert [run(program, interface) for interface in range(1, 12)] == [0, 0, 0, 0, 0, 0, 4096, 0, 4096, 0, 0]


def test_without_ports_nothing_is_accepted() -> None:
    assert run(filter_program({}, 4096), 1) == 0


def test_more_ports_than_a_jump_is_long() -> None:
    """A jump of classic BPF reaches 255 instructions."""
    ports = {1000 + n: f"h{n}" for n in range(1000)}
    program = filter_program(ports, 96)
    assert all(run(program, interface) == 96 for interface in ports)
    assert run(program, 999) == run(program, 2000) == 0
    assert len(program) // INSTRUCTION.size <= 4096  # BPF_MAXINSNS


def test_the_wall_clock_becomes_the_monotonic_one() -> None:
    before = time.monotonic_ns()
    moved = time.time_ns() + monotonic_minus_wall()
    after = time.monotonic_ns()
    assert before - 100_000 < moved < after + 100_000
