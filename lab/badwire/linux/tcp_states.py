"""The names of the TCP states, indexed by the kernel's numbers.

The names are the kernel's (TCP_SYN_RECV, TCP_CLOSE), but with FIN_WAIT_1 and FIN_WAIT_2 as in RFC 9293.
"""

# include/net/tcp_states.h. Number 0 is not used. 12 is TCP_NEW_SYN_RECV, which socket dumps report as SYN_RECV.
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

STATES = BY_NUMBER[1:12]  # without the duplicate of SYN_RECV
