"""The bridge: an IP address is not enough to send a frame, so before the first segment all are asked for the other one.

    client1                     bridge, client2                  server
      |  who has 10.0.0.2? Tell 10.0.0.3  -->  to every port  -->  |  ARP, to the broadcast address
      |  <--------------------------  10.0.0.2 is at 02:00:00:00:00:01, to client1 alone
      |  SYN, which has waited for that  ----------------------->  |
      |  SYN of the next connection: nobody is asked  ---------->  |

Read next: RFC 826; RFC 1122 section 2.3.2; arp(7); Stevens, TCP/IP Illustrated vol. 1, chapter 4.
"""

from badwire.faults import Delay
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, at_least, claim, equals
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab
from badwire.units import ms

PORT, WAY, ASKS, ANSWERS = 7001, 50 * ms, 1, 2  # RFC 826: ar$op


@scenario("All are asked for a MAC address before the first segment", hosts={"client": 2})
def bridge(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client1")
    listener = server.listen(PORT)
    with lab.wire.fault(Delay(WAY)):
        for _ in range(2):
            client.connect(server.at(PORT)).close()
            listener.accept().close()
            server.wait_while(state="LAST_ACK")


@claim(RFC("826"), RFC("1122", "2.3.2"))
def all_are_asked_and_the_one_that_is_meant_answers_the_one_that_asked(seen: Evidence) -> Verdict:
    """The question is about the server's address; the answer goes to whoever asked, and to nobody else."""
    syn = seen.tried(PORT).first("client1", "S")
    frames = [each for each in seen.frames(protocol="arp") or () if syn and each.sent_at <= syn.sent_at]
    said = {(each.source, each.toward): (each.arp.operation, each.arp.target) for each in frames if each.arp}
    question, answer = (ASKS, seen.hosts["server"]), (ANSWERS, seen.hosts["client1"])
    asked = {("client1", "client2"): question, ("client1", "server"): question, ("server", "client1"): answer}
    return equals(said or None, asked)


@claim(RFC("1122", "2.3.2.2"), Kernel("net/core/neighbour.c", "__neigh_event_send"))
def the_syn_waits_for_the_answer_and_connect_takes_a_round_trip_more(seen: Evidence) -> Verdict:
    """The kernel keeps the segment until then; each way takes 50 ms here."""
    syn, (connect, *_) = seen.tried(PORT).first("client1", "S"), seen.calls("client1", "connect") or (None,)
    answers = seen.frames("server", "client1", protocol="arp")
    waited = (syn.sent_at - answers[0].arrived) / NS if syn and answers else None
    return all_of(at_least(waited, 0, "s"), at_least(connect and connect.took, 4 * WAY, "s"))


@claim(RFC("826"), Man("arp(7)"))
def the_next_connection_asks_nobody(seen: Evidence) -> Verdict:
    """The answer is kept, and is good for 15 s at least (half of base_reachable_time_ms)."""
    opened = [each.handshake is not None for each in seen.connections(PORT) or ()]
    asked = [each.arp.operation for each in seen.frames("client1", "server", protocol="arp") or () if each.arp]
    return all_of(equals(opened or None, [True, True]), equals(asked.count(ASKS) or None, 1, "requests"))


@claim(RFC("826"), Man("bridge(8)"))
def of_all_that_the_others_send_the_third_host_gets_the_question_and_nothing_else(seen: Evidence) -> Verdict:
    """The bridge knows behind which port an address is; only what is for all goes to all."""
    sent = {each.data for each in seen.pcap.frames if each.direction == "in"}  # an engine's bridge itself speaks, too
    came = [each.data for each in seen.pcap.frames if (each.port, each.direction) == ("client2", "out")]
    got, asked = (
        [data for data in came if data in sent],
        [each.data for each in seen.frames("client1", "client2") or ()],
    )
    return all_of(equals(len(asked) or None, 1, "frames"), equals(got == asked if seen.capture_whole else None, True))
