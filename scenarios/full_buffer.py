"""A full send buffer: nobody reads, both sides' buffers fill up, and then send waits, or takes less, or nothing.

    client                                    server
      |  send of 40000 bytes waits              |  nobody reads
      |  data  ----------------------------->   |
      |  <--------------------  ACK, window 0   |
      |  ...                                    |  recv
      |  <----------------------  window open   |
      |  send returns 40000                     |

      |  a send that does not wait returns less, what there is room for; the next one gives EAGAIN

Read next: send(2); tcp(7); Stevens, UNIX Network Programming vol. 1, sections 2.11 and 16.1.
"""

from badwire.old.claims import Book, Man, Text, Verdict, all_of, at_least, at_most, claim, equals, happened
from badwire.old.evidence import NS, Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

PORT, BUFFER, MESSAGE, NOTHING, IDLE = 7001, 8192, bytes(40_000), b"", 1.0  # more than both buffers hold; s
DEPENDS = "on the socket: a write that blocks takes everything, one that does not takes what there is room for"


@scenario("A full send buffer makes send wait, or take less")
def full_buffer(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, writer = server.socket("tcp", PORT), client.socket()
    listener.set_option("SOL_SOCKET", "SO_RCVBUF", BUFFER)
    writer.set_option("SOL_SOCKET", "SO_SNDBUF", BUFFER)
    listener.listen()
    writer.connect(server.at(PORT))
    reader = listener.accept()
    writer.send(NOTHING)
    lab.note("blocking")
    sending = writer.begin("send", MESSAGE)
    client.wait_until(state="ESTABLISHED", port=PORT, where=lambda entry: entry["timer"] == "probe")
    lab.pass_time(IDLE, "nobody reads")
    reader.call("recv", len(MESSAGE), "MSG_WAITALL")
    sending.result()
    lab.note("not blocking")
    writer.set_timeout(0)
    while writer.send(MESSAGE).errno is None:
        pass
    client.wait_until(state="ESTABLISHED", port=PORT, where=lambda entry: entry["timer"] == "probe")


@claim(Man("send(2)"), Text("T5", depends=DEPENDS))
def a_send_that_blocks_waits_for_the_reader_and_takes_everything(seen: Evidence) -> Verdict:
    """It returns when the last bytes are in the send buffer, some time after the first have been read."""
    part = seen.between("blocking", "not blocking")
    send, recv = part.call("client", "send"), part.call("server", "recv")
    waited = at_least(send.took, IDLE, "s"), at_least((send.ended - recv.began) / NS, 0, "s")
    return all_of(equals(send.value, len(MESSAGE), "bytes"), *waited)


@claim(Man("send(2)"), Book("Stevens, UNIX Network Programming vol. 1", "16"), Text("T5", depends=DEPENDS))
def a_send_that_does_not_block_takes_what_there_is_room_for_and_then_gives_eagain(seen: Evidence) -> Verdict:
    """EAGAIN, -1 in C, is no trouble: it says that all is full for now."""
    *taken, last = seen.phase("not blocking").calls("client", "send") or (seen.call("client", "send"),)
    short = [at_most(each.value, len(MESSAGE) - 1, "bytes") for each in taken]
    return all_of(*short, equals(last.errno, "EAGAIN"))


@claim(Man("tcp(7)"), Text("T5"))
def what_it_took_lies_in_the_two_buffers(seen: Evidence) -> Verdict:
    """All that was sent before had been read: in the sender's is what is not acknowledged, in the reader's what is."""
    taken = [each.value for each in seen.phase("not blocking").calls("client", "send") or () if each.value]
    ends = seen.ends(seen.opened(PORT).connection)
    kept = ends["client"].last("ESTABLISHED").wqueue, ends["server"].last("ESTABLISHED").rqueue
    closed = [each for each in seen.segments("server", port=PORT) or () if each.tcp and each.tcp.window == 0]
    return all_of(happened(closed, "window 0"), equals(sum(taken) or None, sum(kept), "bytes"))


@claim(Man("send(2)"), Text("T5"))
def nought_comes_only_of_sending_nothing(seen: Evidence) -> Verdict:
    sends = seen.calls("client", "send") or ()
    nought = [len(each.args[0]) for each in sends if each.value == 0]
    return equals(nought or None, [len(NOTHING)], "bytes")
