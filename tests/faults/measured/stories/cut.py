"""A wire that is cut: toward the server while a connection is opened, toward the client while data are acknowledged."""

from badwire.faults import Loss, Partition
from badwire.linux.timers import RTO_INITIAL, backoff
from badwire.old.claims import Instrument, Kernel, Verdict, all_of, at_least, claim, equals, within
from badwire.old.evidence import Evidence, intervals
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, CLOSED, DATA = 7001, 7002, b"hello"
ASKED, TIMER = Instrument("what was asked of the wire"), Kernel("net/ipv4/tcp_timer.c", "tcp_retransmit_timer")


@scenario("A wire is cut and mended", sysctls={"net.ipv4.tcp_early_retrans": "0"})
def cut(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    server.connect(client.at(CLOSED))  # so they know each other's MAC address
    listener, connection = server.listen(PORT), client.socket()
    with lab.wire.fault(Partition(), toward=server):
        connecting = connection.begin("connect", list(server.at(PORT)))
        client.wait_until(state="SYN_SENT")
        lab.pass_time(1.5, "one SYN and its first copy are lost")
    connecting.result()
    accepted = listener.accept()
    with lab.wire.fault(Loss(1), toward=client):
        connection.send(DATA)
        accepted.recv()
        lab.pass_time(1.0, "no acknowledgment comes back")
    connection.close()
    client.wait_until(state="FIN_WAIT_2")


@claim(TIMER, ASKED)
def syns_are_sent_again_until_one_arrives(seen: Evidence) -> Verdict:
    syns = seen.tried(PORT).sent_by("client", "S") or ()
    waits = zip(intervals(syns) or (), backoff(RTO_INITIAL, 2), strict=True)
    bounds = (within(wait, due, seen.kernel.latest(due), "s") for wait, due in waits)
    return all_of(equals([len(syn.delivered_at) for syn in syns], [0, 0, 1], "arrivals"), *bounds)


@claim(TIMER, ASKED)
def data_are_sent_again_while_no_acknowledgment_arrives_and_are_read_once(seen: Evidence) -> Verdict:
    connection = seen.tried(PORT)
    data, lost = connection.sent_by("client", data=True) or (), {frame.source for frame in connection.lost[2:]}
    read = [call.value for call in seen.calls("server", "recv") or ()]
    times = at_least(len(data), 3, "sendings"), equals({len(each.delivered_at) for each in data}, {1}, "arrivals")
    return all_of(*times, equals(lost, {"server"}), equals(read, [DATA]))
