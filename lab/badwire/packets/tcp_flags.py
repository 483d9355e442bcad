"""Converts the control bits of a TCP header (RFC 9293 section 3.1) to letters and back, and matches them."""

from functools import lru_cache

BITS = {
    "S": 0x02,
    "F": 0x01,
    "R": 0x04,
    "P": 0x08,
    "A": 0x10,
    "U": 0x20,
    "E": 0x40,
    "C": 0x80,
}
"""The bit of each letter, in the order in which the lab writes the letters."""
SYNONYMS = {".": "A"}  # tcpdump(8) writes ACK as a dot
LETTERS = "".join(BITS)


def flag_bits(flags: str) -> int:
    """The control bits, as in the TCP header, for the letters in ``flags``.

    Raises:
        ValueError: a letter is not the letter of a flag.
    """
    bits = 0
    for letter in flags:
        letter = SYNONYMS.get(letter, letter)
        if letter not in BITS:
            raise ValueError(f"{letter!r} is not a TCP flag; use letters of {LETTERS}")
        bits |= BITS[letter]
    return bits


def flag_letters(bits: int) -> str:
    """The letters of the control bits that are set."""
    return "".join(letter for letter, bit in BITS.items() if bits & bit)


@lru_cache(maxsize=256)  # few values occur, each for thousands of frames
def mask_and_value(wanted: str) -> tuple[int, int]:
    """The mask and the value with which flags are matched: ``flags & mask == value``.

    Of SYN, FIN and RST, those in ``wanted`` must be set and the others must be clear. Any other flag in ``wanted`` must
    be set. If ``wanted`` has SYN but not ACK, ACK must be clear. So "S" does not match a SYN-ACK, "F" matches FIN with
    or without ACK, and "A" matches no SYN.

    Raises:
        ValueError: a letter is not the letter of a flag.
    """
    value = flag_bits(wanted)
    mask = value | BITS["S"] | BITS["F"] | BITS["R"]
    if value & BITS["S"]:
        mask |= BITS["A"]
    return mask, value


def has_flags(flags: str, wanted: str) -> bool:
    """Whether ``flags`` match ``wanted``, according to ``mask_and_value``.

    Raises:
        ValueError: a letter is not the letter of a flag.
    """
    mask, value = mask_and_value(wanted)
    return flag_bits(flags) & mask == value
