"""UDP: a datagram comes whole or not at all, perhaps twice, perhaps late, and nobody asks after it.

    client                                    server
      |  "ab", "cdef"  ---------------------->  |  recvfrom gives "ab", then "cdef"; TCP might give "abcdef"
      |  "gh"  ------------------------ x       |  lost: nobody is told, nobody sends it again
      |  to a port where nobody is  --------->  |  ICMP goes back; a client hears of it if its socket is connected

Read next: RFC 768; udp(7); Stevens, UNIX Network Programming vol. 1, chapter 8.
"""

from badwire.faults import Duplicate, Nth, Reorder
from badwire.old.claims import RFC, Man, Text, Verdict, all_of, at_least, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

ECHO, WHOLE, STREAM, NOBODY = 7001, 7002, 7003, 7004
FAULTS = {"lost": Nth(2, protocol="udp"), "twice": Duplicate(1), "late": Reorder(0.5, by=0.2)}
WATCH = 3.0  # s; TCP would have sent twice more, after 1 s and after 3 s (RFC 6298)
MANY = 40  # with half of them waiting they keep their order if all that wait are the last ones: in 41 of 2**40 runs


@scenario("A datagram comes whole or not at all", sysctls={"net.ipv4.icmp_ratelimit": "0"})
def udp(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.start("udp_echo", ECHO)
    for note, fault in FAULTS.items():
        lab.note(note)
        with lab.wire.fault(fault, toward=server):
            client.run("send_datagrams", server.at(ECHO), "--count", MANY, "--timeout", WATCH, "--stay")
    sender, receiver = client.socket("udp"), server.socket("udp", WHOLE)
    listener, stream = server.listen(STREAM), client.connect(server.at(STREAM))
    sender.name()
    for data in b"ab", b"cdef", b"longer", b"next":
        sender.sendto(data, server.at(WHOLE))
        stream.send(data)
    sender.name()
    for size in 100, 100, 4, 100:
        receiver.recvfrom(size)
    stream.shutdown()
    server.wait_until(state="CLOSE_WAIT", port=STREAM)
    listener.accept().recv(100)
    client.run("send_datagrams", server.at(NOBODY), "--count", 1)
    client.run("send_datagrams", server.at(NOBODY), "--count", 1, "--connect")


@claim(RFC("768"), Text("T10"), Text("P3"))
def a_lost_datagram_stays_lost_however_long_one_waits(seen: Evidence) -> Verdict:
    sent, asker = seen.phase("lost").datagrams("client"), seen.phase("lost").program("client", "send_datagrams")
    went = (len(sent), sum(not each.delivered_at for each in sent)) if sent and seen.capture_whole else None
    return all_of(equals(went, (MANY, 1), "sent, and lost"), at_least(asker and asker.took, WATCH, "s"))


@claim(RFC("768"), Man("udp(7)"))
def copies_and_disorder_reach_the_program(seen: Evidence) -> Verdict:
    said = [seen.phase(note).said("client", "send_datagrams", line="order") or "" for note in ("twice", "late")]
    copies, mixed = ([int(number) for number in each.split()] for each in said)
    return all_of(equals(len(copies) or None, 2 * MANY), happened(mixed and mixed != sorted(mixed), "in disorder"))


@claim(RFC("768"), Man("udp(7)"), Text("T1"), Text("T2"))
def boundaries_are_kept_where_tcp_joins_and_what_is_too_long_is_cut(seen: Evidence) -> Verdict:
    apart, joined = seen.calls("server", "recvfrom"), seen.calls("server", "recv")
    whole = equals(apart and [each.value[0] for each in apart], [b"ab", b"cdef", b"long", b"next"])
    return all_of(whole, equals(joined and [each.value for each in joined], [b"abcdeflongernext"]))


@claim(Man("ip(7)"), Man("udp(7)"), Text("T3", no="a port at its first sendto, but no address unless it is connected"))
def the_client_gets_its_port_but_no_address_at_its_first_sendto(seen: Evidence) -> Verdict:
    names, sent = seen.calls("client", "getsockname"), seen.datagrams("client", port=WHOLE)
    port = sent[0].packet.ports[0] if sent else None
    return equals(port and names and [each.value for each in names], [["0.0.0.0", 0], ["0.0.0.0", port]])


@claim(RFC("1122", "4.1.3.1"), Man("udp(7)"))
def a_port_where_nobody_is_answers_by_icmp_and_only_a_connected_socket_hears_of_it(seen: Evidence) -> Verdict:
    told = [(each.icmp.type, each.icmp.code) for each in seen.frames("server", protocol="icmp") or ()]
    unheard = equals(seen.said("client", "send_datagrams", "--count", 1, line="lost"), "0")
    heard = equals(seen.said("client", "send_datagrams", "--connect", line="recvfrom:"), "ECONNREFUSED")
    return all_of(equals(told or None, [(3, 3)] * 2, "type and code"), unheard, heard)
