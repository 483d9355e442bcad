"""A filter of system calls (seccomp(2)) for what no namespace separates from the machine.

A socket of AF_VSOCK reaches the machine that a virtual machine runs on, whichever network namespace it is made in. A
program could also have io_uring(7) make it, which no filter sees, so that there is no io_uring for programs either.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from badwire.linux import libc

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW
_ERRNO = 0x00050000  # SECCOMP_RET_ERRNO, plus the number of the error

# Instructions of linux/bpf_common.h and offsets in struct seccomp_data.
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER = 0
_ARCHITECTURE = 4
_FIRST_ARGUMENT = 16  # its lower half, on a little-endian machine
_INSTRUCTION = struct.Struct("=HBBI")  # struct sock_filter

_AF_VSOCK = 40
_IO_URING_SETUP = 425  # on every architecture
_X32 = 0x40000000  # the bit in the numbers of the x32 calls of x86_64


@dataclass(frozen=True)
class _Architecture:
    """The numbers of an architecture: of linux/audit.h, and of its system calls.

    ``refused`` are those of calls that make sockets whose arguments a filter cannot see (socketcall(2)).
    """

    audit: int
    socket: int
    refused: tuple[int, ...] = ()


_I386 = _Architecture(0x40000003, 359, (102,))
_ARM = _Architecture(0x40000028, 281, (102,))
_ARCHITECTURES = {
    "x86_64": (_Architecture(0xC000003E, 41), _I386),
    "aarch64": (_Architecture(0xC00000B7, 198), _ARM),
    "riscv64": (_Architecture(0xC00000F3, 198),),
    "loongarch64": (_Architecture(0xC0000102, 198),),
}


def refuse_the_hypervisor() -> None:
    """Refuse sockets of AF_VSOCK, and io_uring, to this thread and to what it starts; it must have no_new_privs.

    Raises:
        OSError: this kernel has no filters, or the numbers of its system calls are not known.
    """
    architectures = _ARCHITECTURES.get(os.uname().machine)
    if architectures is None:
        raise OSError(errno.ENOSYS, f"the numbers of the system calls of {os.uname().machine} are not known")
    code = b"".join(_filter(architectures))
    instructions = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: the number of instructions, and a pointer to them
    program = struct.pack("@HP", len(code) // _INSTRUCTION.size, ctypes.addressof(instructions))
    given = ctypes.create_string_buffer(program, len(program))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(given))


def _filter(architectures: Iterable[_Architecture]) -> list[bytes]:
    code = [_load(_ARCHITECTURE)]
    for architecture in architectures:
        body = _body(architecture)
        code += [_jump(_IF_EQUAL, architecture.audit, otherwise=len(body)), *body]
    return [*code, _fail(errno.ENOSYS)]


def _body(architecture: _Architecture) -> Sequence[bytes]:
    body = [_load(_NUMBER), _jump(_IF_AT_LEAST, _X32, otherwise=1), _fail(errno.ENOSYS)]
    for number in (_IO_URING_SETUP, *architecture.refused):
        body += [_jump(_IF_EQUAL, number, otherwise=1), _fail(errno.ENOSYS)]
    body += [_jump(_IF_EQUAL, architecture.socket, otherwise=3), _load(_FIRST_ARGUMENT)]
    body += [_jump(_IF_EQUAL, _AF_VSOCK, otherwise=1), _fail(errno.EAFNOSUPPORT)]
    return [*body, _INSTRUCTION.pack(_RETURN, 0, 0, _ALLOW)]


def _load(offset: int) -> bytes:
    return _INSTRUCTION.pack(_LOAD, 0, 0, offset)


def _jump(kind: int, value: int, *, otherwise: int) -> bytes:
    """Go on if what was loaded is ``value``, or at least that; otherwise leave out that many instructions."""
    return _INSTRUCTION.pack(kind, 0, otherwise, value)


def _fail(number: int) -> bytes:
    return _INSTRUCTION.pack(_RETURN, 0, 0, _ERRNO | number)
