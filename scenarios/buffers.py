"""Buffers: a socket's type is fixed when it is made; the sizes of its buffers can be read and set, within bounds.

    asked for       the kernel has
    nothing         tcp_wmem's and tcp_rmem's second number, for a TCP socket
    10000           20000: twice as much, for what it keeps beside each segment's data counts too
    1               4608 to send and 2304 to receive, on most kernels: room for two segments, and for one
    2147483647      twice net.core.wmem_max and net.core.rmem_max

Those two are settings of the whole machine and not of a host of the lab; many kernels do not even show them to one.
Read next: socket(7); tcp(7); Stevens, UNIX Network Programming vol. 1, sections 7.2 and 7.5.
"""

from badwire.old.claims import Kernel, Man, Text, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, FEW, SOME, MANY, MOST = 7001, 1, 10_000, 2**30, 2**31 - 1  # a port, and bytes
PINNED = {"net.ipv4.tcp_wmem": "4096 16384 4194304", "net.ipv4.tcp_rmem": "4096 131072 6291456"}
SET = Kernel("net/core/sock.c", "sk_setsockopt"), Man("socket(7)")
PACKET, DESCRIPTOR = 2048, 512  # bytes; what each segment is counted for at least, and room for a struct sk_buff
BOUNDS = "on the size: what comes back is twice what was set, but never below one bound of the kernel or above another"


@scenario("Buffers can be read and set, within bounds", sysctls=PINNED)
def buffers(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    client.run("probe_socket", FEW, SOME, MANY, MOST)
    server.listen(PORT)
    for size in None, SOME:
        connection = client.socket()
        if size:
            connection.set_option("SOL_SOCKET", "SO_SNDBUF", size)
        connection.get_option("SOL_SOCKET", "SO_SNDBUF")
        connection.connect(server.at(PORT))
        connection.get_option("SOL_SOCKET", "SO_SNDBUF")


@claim(Man("socket(7)"), Text("T4"))
def the_type_is_that_with_which_the_socket_was_made_and_cannot_be_set(seen: Evidence) -> Verdict:
    """SOCK_STREAM is 1, SOCK_DGRAM is 2 (include/linux/net.h); SO_TYPE is an option for getsockopt only."""
    lines = "tcp-type", "tcp-set-type", "udp-type", "udp-set-type"
    told = [seen.said("client", "probe_socket", line=line) for line in lines]
    return equals(told if all(told) else None, ["1", "ENOPROTOOPT", "2", "ENOPROTOOPT"])


@claim(Man("tcp(7)"), Kernel("net/ipv4/tcp.c", "tcp_init_sock"), Text("T15"), Text("P4"))
def at_first_they_are_what_tcp_wmem_and_tcp_rmem_say(seen: Evidence) -> Verdict:
    sndbuf, rcvbuf = ((seen.sysctl("client", name) or " ").split(" ")[1] for name in PINNED)
    told = seen.said("client", "probe_socket", line="tcp") if sndbuf and rcvbuf else None
    return equals(told, f"sndbuf {sndbuf} rcvbuf {rcvbuf}")


@claim(*SET, Text("T15"))
def what_is_asked_for_comes_back_doubled(seen: Evidence) -> Verdict:
    return equals(seen.said("client", "probe_socket", line=f"{SOME}"), f"sndbuf {2 * SOME} rcvbuf {2 * SOME}")


@claim(Kernel("include/net/sock.h", "SOCK_MIN_SNDBUF"), Text("T15", depends=BOUNDS))
def there_is_room_for_two_packets_to_send_and_for_one_to_receive_however_little_is_asked_for(seen: Evidence) -> Verdict:
    """A packet counts as 2048 bytes and its descriptor, whose length is a matter of the kernel's configuration."""
    words = (seen.said("client", "probe_socket", line=f"{FEW}") or "").split()
    sndbuf, rcvbuf = (int(words[at]) if words else None for at in (1, 3))
    return all_of(within(rcvbuf, PACKET, PACKET + DESCRIPTOR, "bytes"), equals(sndbuf, 2 * (rcvbuf or 0), "bytes"))


@claim(*SET, Text("T15", depends=BOUNDS))
def there_is_a_most_however_much_is_asked_for(seen: Evidence) -> Verdict:
    """Twice the setting of the machine, which a host may not be able to read: so it is the same for any size beyond."""
    most, many = (seen.said("client", "probe_socket", line=f"{size}") for size in (MOST, MANY))
    return equals(most if many else None, many)


@claim(Kernel("net/ipv4/tcp_input.c", "tcp_init_buffer_space"), Man("tcp(7)"), Text("T15"))
def a_size_that_nobody_set_grows_with_the_connection_and_one_that_was_set_stays(seen: Evidence) -> Verdict:
    """The kernel makes room for the segments that the first window lets it send; who sets a size forgoes that."""
    values = [each.value for each in seen.calls("client", "getsockopt") or ()]
    before, after, *kept = values if len(values) == 4 else (None, None)
    grown = at_least(after, None if before is None else before + 1, "bytes")
    return all_of(grown, equals(kept or None, [2 * SOME] * 2, "bytes"))
