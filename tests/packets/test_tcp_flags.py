"""The letters of the control bits, and the rule by which they are matched."""

import pytest

from badwire.packets.tcp_flags import flag_bits, flag_letters, has_flags


def test_letters_and_bits_are_the_same_flags() -> None:
    for bits in range(256):
        assert flag_bits(flag_letters(bits)) == bits
    assert flag_letters(0x12) == "SA"
    assert flag_bits("S.") == 0x12


@pytest.mark.parametrize(
    "flags, wanted, answer",
    [
        ("S", "S", True),
        ("SA", "S", False),
        ("SA", "SA", True),
        ("SA", "S.", True),
        ("FA", "F", True),
        ("FPA", "F", True),
        ("FA", "A", False),
        ("PA", "A", True),
        ("A", "PA", False),
        ("RA", "R", True),
        ("R", "R", True),
        ("A", "F", False),
    ],
)
def test_whether_flags_match(flags: str, wanted: str, answer: bool) -> None:
    assert has_flags(flags, wanted) is answer


def test_an_unknown_flag() -> None:
    with pytest.raises(ValueError, match="'X' is not a TCP flag"):
        has_flags("S", "SX")
