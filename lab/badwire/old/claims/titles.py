"""A claim's name as a sentence for readers: a capital at its beginning, the words of the field as they are written."""

import re

_CAPITALS = (
    *("ack", "arp", "bbr", "cubic", "eagain", "econnreset", "epipe", "fin", "icmp", "ip", "mss", "mtu", "nul", "paws"),
    *("rst", "rto", "sigpipe", "syn", "tcp", "udp"),
)
_NAMES = {
    "time wait": "TIME_WAIT",
    "close wait": "CLOSE_WAIT",
    "fin wait 1": "FIN_WAIT_1",
    "fin wait 2": "FIN_WAIT_2",
    "in last ack": "in LAST_ACK",
    "syn sent": "SYN_SENT",
    "syn recv": "SYN_RECV",
    "in established": "in ESTABLISHED",
    "stays established": "stays ESTABLISHED",
    "through closing": "through CLOSING",
    "tcp nodelay": "TCP_NODELAY",
    "tcp syncnt": "TCP_SYNCNT",
    "tcp maxseg": "TCP_MAXSEG",
    "tcp user timeout": "TCP_USER_TIMEOUT",
    "tcp fin timeout": "tcp_fin_timeout",
    "tcp tw reuse": "tcp_tw_reuse",
    "tcp base mss": "tcp_base_mss",
    "tcp retries1": "tcp_retries1",
    "tcp abort on overflow": "tcp_abort_on_overflow",
    "tcp wmem": "tcp_wmem",
    "tcp rmem": "tcp_rmem",
    "shut rdwr": "SHUT_RDWR",
    "reuseaddr": "SO_REUSEADDR",
    "inet pton": "inet_pton",
    "inet ntop": "inet_ntop",
    "reno": "Reno",
    "ones own": "one's own",
    "924 6 seconds": "924.6 seconds",
}
_KNOWN = {**_NAMES, **{word: word.upper() for word in _CAPITALS}}
_WORDS = re.compile(rf"\b({'|'.join(sorted(map(re.escape, _KNOWN), key=len, reverse=True))})\b")
_ADDRESS = re.compile(r"\b(0|127) (0) (0) (0|1)\b")
_POSSESSIVE = re.compile(r"(?<=[a-zA-Z]) s (?=[a-z])")  # and not "75 s"
_FIRST_WORDS = frozenset({"htons", "sendto", "recv", "inet_pton"})  # calls, which keep their small letter


def sentence(text: str, begins: bool = True) -> str:
    """``a fin can ride on data``: ``A FIN can ride on data``; with a small letter where no sentence begins."""
    told = _ADDRESS.sub(r"\1.\2.\3.\4", _WORDS.sub(lambda found: _KNOWN[found[1]], text))
    told = _POSSESSIVE.sub("'s ", told)
    keeps = not begins or told.partition(" ")[0] in _FIRST_WORDS or "_" in told.partition(" ")[0]
    return told if keeps else told[:1].upper() + told[1:]
