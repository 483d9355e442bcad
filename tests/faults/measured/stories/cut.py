"""A wire that is cut: toward the server while a connection is opened, toward the client while data are acknowledged."""

from badwire.claims import Checks, Instrument, Kernel, at_least, claim, each_between, equals
from badwire.evidence import Evidence, intervals
from badwire.faults import Loss, Partition
from badwire.linux.timers import RTO_INITIAL, backoff
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


@claim("SYNs are sent again until one arrives", TIMER, ASKED)
def syns_again(run: Evidence) -> Checks:
    syns = run.connection(PORT).client.segments("S")
    yield equals("arrivals of each SYN", syns.map(lambda syn: len(syn.delivered_at)), [0, 0, 1])
    due = run.kernel.windows(*backoff(RTO_INITIAL, 2))
    yield from each_between("wait {n}", intervals(syns), due, "s", count="waits")


@claim("Data are sent again while no ACK arrives, and are read once", TIMER, ASKED)
def data_again(run: Evidence) -> Checks:
    connection = run.connection(PORT)
    data = connection.client.segments(data=True)
    yield at_least("times that the data were sent", len(data), 3, "times")
    yield equals("arrivals of each", set(data.map(lambda frame: len(frame.delivered_at))), {1})
    yield equals(
        "later segments that were lost are of", set(connection.lost[2:].map(lambda frame: frame.source)), {"server"}
    )
    yield equals("read", run.host("server").calls("recv").map(lambda call: call.value), [DATA])
