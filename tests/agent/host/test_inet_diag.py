"""The socket table: decoded from recorded bytes, and read from this kernel."""

import errno
import os
import socket
import struct

import pytest

from badwire.agent.host import inet_diag

# What Linux 6.18 sent in a dump for a TIME_WAIT socket 127.0.0.1:7000 - 127.0.0.1:40001, just after the close.
TIME_WAIT = bytes.fromhex(
    "6000000014000200 00000000786e0000 020603001b589c41 7f00000100000000 0000000000000000 7f00000100000000"
    "0000000000000000 0000000092130000 0000000030ea0000 0000000000000000 0000000000000000 08000f0000000000"
)


def message(kind: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 2, 0, 0) + payload


def test_a_recorded_time_wait_entry_is_decoded_field_by_field() -> None:
    finished, entries = inet_diag.parse(TIME_WAIT + message(3, b"\0\0\0\0"), socket.IPPROTO_TCP)
    assert finished
    assert entries == [
        {
            **{"proto": "tcp", "state": "TIME_WAIT", "local": ["127.0.0.1", 7000], "remote": ["127.0.0.1", 40001]},
            **{"inode": 0, "uid": 0, "timer": "time_wait", "expires_ms": 59952, "retrans": 0, "rqueue": 0, "wqueue": 0},
        }
    ]


def test_a_refused_dump_is_an_error_and_not_an_empty_table() -> None:
    with pytest.raises(OSError, match="Operation not permitted") as refused:
        inet_diag.parse(message(2, struct.pack("=i", -errno.EPERM) + bytes(16)), socket.IPPROTO_TCP)
    assert refused.value.errno == errno.EPERM


def test_a_protocol_that_the_kernel_does_not_know_has_no_sockets() -> None:
    assert inet_diag.parse(message(2, struct.pack("=i", -errno.ENOENT) + bytes(16)), socket.IPPROTO_UDP) == (True, [])


def test_the_two_window_scales_are_told_apart() -> None:
    # struct tcp_info: on a little-endian machine byte 6 has snd_wscale in its low four bits, rcv_wscale in its high.
    info = inet_diag.tcp_info(bytes([1, 0, 0, 0, 0, 7, 0xA7, 0]))
    assert (info["snd_wscale"], info["rcv_wscale"], info["options"], info["rtt"]) == (7, 10, 7, 0)


def test_a_mapped_address_is_shown_as_the_ipv4_address_that_it_is() -> None:
    mapped = bytes(10) + b"\xff\xff" + socket.inet_aton("10.0.0.2")
    assert inet_diag._address(socket.AF_INET6, mapped) == "10.0.0.2"
    assert inet_diag._address(socket.AF_INET6, bytes(16)) == "::"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_this_kernels_table_shows_a_listener_by_its_inode(family: int) -> None:
    with socket.socket(family) as listener, inet_diag.open_diag() as diag:
        listener.bind(("", 0))
        listener.listen(3)
        inode = os.fstat(listener.fileno()).st_ino
        mine = [entry for entry in inet_diag.table(diag) if entry["inode"] == inode]
        assert [(entry["state"], entry["local"][1]) for entry in mine] == [("LISTEN", listener.getsockname()[1])]
        assert mine[0]["wqueue"] == 3  # a listener's backlog stands there


def test_this_kernels_tcp_info_agrees_with_getsockopt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, inet_diag.open_diag() as diag:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted:
            raw = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512)
            inode = os.fstat(client.fileno()).st_ino
            seen = next(entry["info"] for entry in inet_diag.table(diag) if entry["inode"] == inode)
    same = ("snd_mss", "advmss", "pmtu", "rto", "snd_cwnd", "snd_wscale", "rcv_wscale", "options", "total_retrans")
    assert {name: seen[name] for name in same} == {name: inet_diag.tcp_info(raw)[name] for name in same}


def test_a_table_in_which_a_connection_ends_meanwhile_is_read_once_more() -> None:
    """Recorded bytes stand for the kernel, whose bucket such a connection leaves for a moment only."""
    done, ended = message(3, b"\0\0\0\0"), bytearray(TIME_WAIT)
    ended[17] = 7  # CLOSE
    no_port = bytearray(TIME_WAIT)
    no_port[20:22] = b"\0\0"
    for looks, left in (([ended, TIME_WAIT], 1), ([no_port, no_port, TIME_WAIT], 1), ([ended] * 10, 0)):
        diag, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with diag, kernel:
            for answer in looks:
                for part in bytes(answer) + done, done, done, done:  # TCP and UDP over IPv4, and over IPv6
                    kernel.send(part)
            table = inet_diag.table(diag)
        assert [entry["state"] for entry in table] == ["TIME_WAIT"] * left
