"""Buffers: a socket's type is fixed when it is made; the sizes of its buffers can be read and set, within bounds.

    bytes set       bytes that getsockopt returns
    none            the second number of tcp_wmem and of tcp_rmem, for a TCP socket
    10000           20000: twice as much, since the kernel's own data for each segment counts too
    1               4608 to send and 2304 to receive, on most kernels: room for two packets, and for one
    2147483647      twice net.core.wmem_max and twice net.core.rmem_max

net.core.wmem_max and net.core.rmem_max are settings of the machine, not of a network namespace; many kernels do not
show them inside a network namespace.
Read next: socket(7); tcp(7); Stevens, UNIX Network Programming vol. 1, sections 7.2 and 7.5.
"""

from badwire.claims import Checks, Kernel, Man, Text, at_least, between, claim, equals
from badwire.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT = 7001

# Bytes that a program sets.
ONE = 1
SOME = 10_000
MANY = 2**30  # beyond the bound of any machine
MOST = 2**31 - 1

# Bytes; what include/net/sock.h counts for a packet at least, and room for a struct sk_buff, whose length depends on
# the configuration of the kernel.
PACKET = 2048
DESCRIPTOR = 512

WMEM = "net.ipv4.tcp_wmem"
RMEM = "net.ipv4.tcp_rmem"
PINNED = {
    WMEM: "4096 16384 4194304",
    RMEM: "4096 131072 6291456",
}

STREAM = "1"  # include/linux/net.h SOCK_STREAM
DATAGRAM = "2"  # SOCK_DGRAM
TCP = "6"  # include/uapi/linux/in.h IPPROTO_TCP
UDP = "17"  # IPPROTO_UDP

BOUNDS = "on the size: the kernel doubles it, but never goes below its least size or above its greatest"
SET = (Kernel("net/core/sock.c", "sk_setsockopt"), Man("socket(7)"))


@scenario("Buffers can be read and set, within bounds", sysctls=PINNED)
def buffers(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")
    client.run("probe_socket", ONE, SOME, MANY, MOST)

    server.listen(PORT)
    left_alone = client.socket()
    left_alone.get_option("SOL_SOCKET", "SO_SNDBUF")
    left_alone.connect(server.at(PORT))
    left_alone.get_option("SOL_SOCKET", "SO_SNDBUF")

    sized = client.socket()
    sized.set_option("SOL_SOCKET", "SO_SNDBUF", SOME)
    sized.get_option("SOL_SOCKET", "SO_SNDBUF")
    sized.connect(server.at(PORT))
    sized.get_option("SOL_SOCKET", "SO_SNDBUF")


@claim("A socket has the type it was made with, which cannot be set", Man("socket(7)"), Text("T4"))
def type_is_fixed(run: Evidence) -> Checks:
    """SO_TYPE is an option for getsockopt only."""
    probe = run.host("client").program("probe_socket")
    tcp_type = probe.line("tcp-type")
    tcp_set = probe.line("tcp-set-type")
    udp_type = probe.line("udp-type")
    udp_set = probe.line("udp-set-type")
    yield equals("SO_TYPE of a TCP socket, SOCK_STREAM", tcp_type, STREAM)
    yield equals("setting SO_TYPE of a TCP socket returns", tcp_set, "ENOPROTOOPT")
    yield equals("SO_TYPE of a UDP socket, SOCK_DGRAM", udp_type, DATAGRAM)
    yield equals("setting SO_TYPE of a UDP socket returns", udp_set, "ENOPROTOOPT")


@claim(
    "Protocol 0 is TCP for a stream and UDP for datagrams",
    Man("socket(2)"),
    Kernel("net/ipv4/af_inet.c", "inetsw_array"),
    Text("T81"),
)
def default_protocol(run: Evidence) -> Checks:
    """SO_PROTOCOL gives the protocol's number in the IP header."""
    probe = run.host("client").program("probe_socket")
    yield equals("protocol of a stream socket, TCP", probe.line("stream-default"), TCP)
    yield equals("protocol of a datagram socket, UDP", probe.line("datagram-default"), UDP)


@claim(
    "SOCK_STREAM does not work with UDP, nor SOCK_DGRAM with TCP",
    Man("socket(2)"),
    Kernel("net/ipv4/af_inet.c", "inet_create"),
    Text("T80"),
)
def type_and_protocol(run: Evidence) -> Checks:
    probe = run.host("client").program("probe_socket")
    yield equals("socket with SOCK_STREAM and IPPROTO_UDP returns", probe.line("stream-udp"), "EPROTONOSUPPORT")
    yield equals("socket with SOCK_DGRAM and IPPROTO_TCP returns", probe.line("datagram-tcp"), "EPROTONOSUPPORT")


@claim(
    "A new socket's sizes are those of tcp_wmem and tcp_rmem",
    Man("tcp(7)"),
    Kernel("net/ipv4/tcp.c", "tcp_init_sock"),
    Text("T15"),
    Text("P4"),
)
def defaults(run: Evidence) -> Checks:
    client = run.host("client")
    sndbuf = default_of(client.sysctl(WMEM))
    rcvbuf = default_of(client.sysctl(RMEM))
    sizes = client.program("probe_socket").line("tcp")
    yield equals("buffer sizes of a new TCP socket", sizes, f"sndbuf {sndbuf} rcvbuf {rcvbuf}")


@claim("The kernel doubles a size that is set", *SET, Text("T15"))
def doubled(run: Evidence) -> Checks:
    sizes = run.host("client").program("probe_socket").line(f"{SOME}")
    yield equals("buffer sizes after {size} bytes are set", sizes, f"sndbuf {2 * SOME} rcvbuf {2 * SOME}", size=SOME)


@claim(
    "There is always room for two packets to send and one to receive",
    Kernel("include/net/sock.h", "SOCK_MIN_SNDBUF"),
    Text("T15", depends=BOUNDS),
)
def least(run: Evidence) -> Checks:
    """A packet counts as 2048 bytes and its descriptor, a struct sk_buff. The descriptor's size depends on the kernel's
    configuration, so from 0 to 512 bytes are accepted for it."""
    sndbuf, rcvbuf = sizes_in(run.host("client").program("probe_socket").line(f"{ONE}"))
    yield between("SO_RCVBUF after {size} byte is set", rcvbuf, PACKET, PACKET + DESCRIPTOR, "bytes", size=ONE)
    yield equals("SO_SNDBUF after {size} byte is set", sndbuf, 2 * rcvbuf, "bytes", size=ONE)


@claim("There is a greatest size, whatever a program sets", *SET, Text("T15", depends=BOUNDS))
def greatest(run: Evidence) -> Checks:
    """The greatest size is twice the machine's setting, which a host may not be able to read. So two sizes beyond it
    are set, and the results are compared."""
    probe = run.host("client").program("probe_socket")
    many = probe.line(f"{MANY}")
    yield equals(
        "buffer sizes after {most} bytes are set, as after {many}", probe.line(f"{MOST}"), many, most=MOST, many=MANY
    )


@claim(
    "A send buffer grows when it connects, unless its size was set",
    Kernel("net/ipv4/tcp_input.c", "tcp_init_buffer_space"),
    Man("tcp(7)"),
    Text("T15"),
)
def grows_unless_set(run: Evidence) -> Checks:
    """The kernel makes room for the segments that the first window allows, but does not change a size that was set."""
    calls = run.host("client").calls("getsockopt")
    before = calls.nth(1).result
    after = calls.nth(2).result
    calls.nth(4)  # UNKNOWN unless all four calls were recorded
    set_sizes = calls[2:].map(lambda call: call.value)
    yield at_least("SO_SNDBUF after connect, if it was not set", after, before + 1, "bytes")
    yield equals("SO_SNDBUF before and after connect, if it was set", set_sizes, [2 * SOME, 2 * SOME], "bytes")


def default_of(sysctl: str) -> int:
    """The second of the three numbers of tcp_wmem or tcp_rmem, in bytes."""
    return int(sysctl.split()[1])


def sizes_in(line: str) -> tuple[int, int]:
    """The sizes in a line of probe_socket, ``sndbuf 4608 rcvbuf 2304``, in bytes."""
    fields = line.split()
    return int(fields[1]), int(fields[3])
