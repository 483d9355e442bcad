"""A FIN is a bit in a segment that may carry more: an ACK, so that closing takes three segments, or data.

    client                               server
      |  FIN 13, ACK 13  ------------->  |  the program reads the end of the data and closes before the kernel's
      |  <-------------  FIN 13, ACK 14  |  delayed acknowledgment is due: ACK and FIN are one segment
      |  ACK 14  --------------------->  |

      |  FIN, bytes 1 to 12  --------->  |  the FIN's number is 13
      |  <---------------------  ACK 14  |

TCP_CORK holds back what is less than a full segment. Here close ends that, and sends the data together with its FIN.
Rows show a segment as its sender ("first" to close, or "second"), flags, relative sequence number, relative
acknowledgment number.
Read next: RFC 9293 sections 3.6 and 3.8.6.3; tcp(7); Stevens, TCP/IP Illustrated vol. 1, chapter 13.
"""

from badwire.claims import RFC, Checks, Kernel, Text, claim, each, equals
from badwire.evidence import NS, Closing, Evidence, Records
from badwire.linux.timers import DELAYED_ACK_MIN
from badwire.scenario import scenario
from badwire.testbed import Lab

ECHO = 7001
CORKED = 7002
CLIENTS = 5  # of the echo server, one after the other
DATA = b"that was all"
FIN = 1 + len(DATA)  # the number of the FIN

# ms; so long that no FIN is sent again where a busy machine delays its acknowledgment.
RTO_MIN = 10_000
ROUTES = {
    "client": {"rto_min": RTO_MIN},
    "server": {"rto_min": RTO_MIN},
}
ACK_AND_FIN = "on how soon the second side closes: if at once, its ACK and its FIN are one segment"
THREE_SEGMENTS = (
    f"first FA {FIN} ack {FIN}",
    f"second FA {FIN} ack {FIN + 1}",
    f"first A {FIN + 1} ack {FIN + 1}",
)


@scenario("Closing in three segments, and a FIN with data", routes=ROUTES)
def close_in_three(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    server.start("echo_serial", ECHO)  # it closes as soon as it reads the end of the data
    for number in range(1, CLIENTS + 1):
        caller = client.connect(server.at(ECHO))
        caller.send(DATA)
        caller.recv()
        caller.close()
        client.wait_until(state="TIME_WAIT", port=ECHO, count=number)

    server.listen(CORKED)
    caller = client.connect(server.at(CORKED))
    caller.set_option("IPPROTO_TCP", "TCP_CORK", 1)
    caller.send(DATA)
    caller.close()
    client.wait_until(state="FIN_WAIT_2", port=CORKED)


@claim(
    "ACK and FIN are one segment if the second side closes soon enough",
    RFC("9293", "3.8.6.3"),
    Text("T50", depends=ACK_AND_FIN),
)
def ack_and_fin_in_one(run: Evidence) -> Checks:
    """The server closes as soon as it can. On a busy machine its kernel may acknowledge the FIN before. Only those
    closings are judged in which the server closed within 40 ms (TCP_DELACK_MIN), before the delayed ACK was due."""
    for n, closing in enumerate(each("closings in which the server closed in time", prompt_closings(run)), 1):
        yield equals("segments of closing {n}", closing.summary, THREE_SEGMENTS, n=n)


@claim(
    "A segment with data can carry the FIN too",
    RFC("9293", "3.10.4"),
    Kernel("net/ipv4/tcp_output.c", "tcp_send_fin"),
    Text("T33"),
)
def fin_with_data(run: Evidence) -> Checks:
    """The FIN's number is the one after the number of the last byte."""
    closing = run.connection(CORKED).closing
    yield equals("data in the segment with the FIN", closing.segments.first.payload, DATA)
    yield equals(
        "segment with the FIN, and its ACK", closing.summary[:2], ("first FPA 1 ack 1", f"second A 1 ack {FIN + 1}")
    )


def prompt_closings(run: Evidence) -> Records[Closing]:
    """Those in which the server's FIN was sent within TCP_DELACK_MIN of the arrival of the client's.

    Raises NotRecorded unless all the clients' connections were recorded, and both FINs of each.
    """
    closings = [run.connection(ECHO, nth=n).closing for n in range(1, CLIENTS + 1)]
    waits = [(closing.fins("server").first.sent_at - closing.segments.first.arrived) / NS for closing in closings]
    prompt = [closing for closing, wait in zip(closings, waits, strict=True) if wait < DELAYED_ACK_MIN]
    return Records(prompt, "closings", "the server never closed within {time} s", time=DELAYED_ACK_MIN)
