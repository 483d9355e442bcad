"""The states of TCP, by their names in RFC 9293 as ss(8) writes them, and by their numbers in the kernel."""

# include/net/tcp_states.h. Number 0 is not used; 12 is TCP_NEW_SYN_RECV, which socket dumps show as SYN_RECV.
BY_NUMBER = (
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "SYN_RECV",
)

STATES = BY_NUMBER[1:12]  # each once
