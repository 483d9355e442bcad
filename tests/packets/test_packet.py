"""Decoded frames, and their checksums."""

from badwire.packets.checksum import checksums_right, internet_sum
from badwire.packets.packet import TcpOption, TcpOptions, decode, relative
from tests.claims import forged

ENDS = ("02:00:00:00:00:03", "02:00:00:00:00:02", "10.0.0.3", "10.0.0.2")


def test_a_segment_with_all_its_options() -> None:
    options = {"mss": 1460, "window_scale": 7, "sack_permitted": True, "timestamps": (11, 22)}
    packet = decode(forged.tcp(ENDS, (40001, 7000), "SA", 2**32 - 1, 5, b"abc", 1000, options, ident=9))
    assert packet.protocol == "tcp" and packet.ports == (40001, 7000)
    assert (packet.source_mac, packet.destination_mac) == ENDS[:2]
    assert packet.ip and (packet.ip.source, packet.ip.destination, packet.ip.id) == ("10.0.0.3", "10.0.0.2", 9)
    assert packet.ip.dont_fragment and not packet.ip.more_fragments and packet.ip.ttl == 64
    tcp = packet.tcp
    assert tcp and (tcp.seq, tcp.ack, tcp.window, tcp.flags, tcp.captured) == (2**32 - 1, 5, 1000, "SA", b"abc")
    assert tcp.length == 4  # three bytes and the SYN
    assert tcp.options.mss == 1460 and tcp.options.window_scale == 7 and tcp.options.sack_permitted
    assert (tcp.options.timestamp, tcp.options.echo) == (11, 22)


def test_blocks_of_sack() -> None:
    packet = decode(forged.tcp(ENDS, (1, 2), "A", options={"sack": [(10, 20), (30, 40)]}))
    assert packet.tcp and packet.tcp.options.sack == ((10, 20), (30, 40))


COOKIE = bytes.fromhex("0102030405060708")


def options_of(*others: tuple[int, bytes]) -> TcpOptions:
    packet = decode(forged.tcp(ENDS, (1, 2), "S", options={"mss": 1460, "others": others}))
    assert packet.tcp and packet.tcp.options.mss == 1460
    return packet.tcp.options


def test_the_cookie_of_fast_open() -> None:
    assert options_of().fast_open is None
    assert options_of((34, b"")).fast_open == b""  # a request for a cookie
    assert options_of((34, COOKIE)).fast_open == COOKIE
    too_short = options_of((34, b"\1\2"))
    assert too_short.fast_open is None and too_short.others == (TcpOption(34, 4, b"\1\2"),)


def test_unknown_options_by_kind_and_length() -> None:
    """Those of a kind that is not decoded, and those whose length is wrong for their kind, in order."""
    found = options_of((253, b"\xf9\x89"), (4, b"\0"), (5, b""), (30, b""), (8, bytes(6)))
    assert [(each.kind, each.length) for each in found.others] == [(253, 4), (4, 3), (5, 2), (30, 2), (8, 8)]
    assert found.others[0].value == b"\xf9\x89"
    assert (found.sack_permitted, found.sack, found.timestamp) == (False, (), None)


def test_an_option_that_the_header_cuts_off() -> None:
    frame = bytearray(forged.tcp(ENDS, (1, 2), "S", options={"mss": 1460, "others": [(77, bytes(2))]}))
    frame[14 + 20 + 20 + 5] = 9  # the length of the last option
    packet = decode(bytes(frame))
    assert packet.tcp and packet.tcp.options.others == (TcpOption(77, 9, bytes(2)),)
    frame[14 + 20 + 20 + 4 :] = bytes([1, 1, 1, 77])  # its length is behind the header's end
    packet = decode(bytes(frame))
    assert packet.tcp and packet.tcp.options.others == (TcpOption(77, 0),)


def test_padding_of_a_short_frame_is_no_data() -> None:
    packet = decode(forged.tcp(ENDS, (1, 2), "A") + bytes(6))
    assert packet.tcp and packet.tcp.captured == b"" and packet.tcp.length == 0


def test_data_that_the_capture_cut_off_still_counts() -> None:
    packet = decode(forged.tcp(ENDS, (1, 2), "FA", data=bytes(100))[:80])
    assert packet.tcp and len(packet.tcp.captured) == 26 and packet.tcp.data_length == 100 and packet.tcp.length == 101


def test_a_datagram_and_what_icmp_quotes_of_it() -> None:
    frame = forged.udp(ENDS, (40001, 7000), b"hello")
    packet = decode(frame)
    assert packet.udp and (packet.udp.captured, packet.udp.data_length, packet.ports) == (b"hello", 5, (40001, 7000))
    answer = decode(forged.unreachable((ENDS[1], ENDS[0], ENDS[3], ENDS[2]), frame))
    assert answer.protocol == "icmp" and answer.icmp and (answer.icmp.type, answer.icmp.code) == (3, 3)
    assert answer.icmp.quoted and answer.icmp.quoted.ports == (40001, 7000) and answer.icmp.next_mtu is None
    too_long = decode(forged.unreachable(ENDS, frame, code=4, next_mtu=1000))
    assert too_long.icmp and too_long.icmp.next_mtu == 1000


def test_an_arp_request() -> None:
    packet = decode(forged.arp(ENDS))
    assert packet.protocol == "arp" and packet.destination_mac == "ff:ff:ff:ff:ff:ff"
    assert packet.arp and (packet.arp.operation, packet.arp.sender, packet.arp.target) == (1, "10.0.0.3", "10.0.0.2")


def test_no_damage_is_an_error() -> None:
    """Each bit wrong, and each length cut, of frames of every kind: decoding never raises."""
    syn = forged.tcp(ENDS, (40001, 7000), "S", options={"mss": 1460, "timestamps": (1, 2)})
    udp = forged.udp(ENDS, (40001, 7000), b"hello")
    for frame in (syn, udp, forged.arp(ENDS), forged.unreachable(ENDS, udp)):
        for bit in range(len(frame) * 8):
            decode(forged.flip(frame, bit))
            checksums_right(forged.flip(frame, bit))
        for size in range(len(frame)):
            decode(frame[:size])
            checksums_right(frame[:size])


def test_sequence_numbers_go_round() -> None:
    assert relative(3, 2**32 - 2) == 5


def test_the_example_of_rfc_1071() -> None:
    """Section 3: the bytes 00 01 f2 03 f4 f5 f6 f7 sum to ddf2."""
    assert internet_sum(bytes.fromhex("0001f203f4f5f6f7")) == ~0xDDF2 & 0xFFFF


def test_any_single_wrong_bit_behind_the_ethernet_header_shows() -> None:
    for frame in (forged.tcp(ENDS, (40001, 7000), "PA", 1, 1, b"odd"), forged.udp(ENDS, (1, 2), b"even")):
        assert checksums_right(frame) is True
        for bit in range(14 * 8, len(frame) * 8):
            assert checksums_right(forged.flip(frame, bit)) is False


def test_where_a_checksum_says_nothing() -> None:
    frame = forged.udp(ENDS, (1, 2), b"data")
    assert checksums_right(frame[:40] + bytes(2) + frame[42:]) is None  # RFC 768: zero means that none was made
    assert checksums_right(frame[:-1]) is None
    assert checksums_right(forged.arp(ENDS)) is None
