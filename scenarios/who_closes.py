"""Who closes first, and how: a call of close, an exit, Ctrl-C and kill -9 all send the same FIN.

    first                           second
      |  FIN  ------------------->  |
      |  <-------------------  ACK  |
      |  <-------------------  FIN  |  close
      |  ACK  ------------------->  |
    TIME_WAIT

When a process ends, in whatever way, the kernel closes its descriptors. So the peer cannot tell an orderly end from a
kill, and the host that closed first is in TIME_WAIT although the process no longer exists.
Rows show a segment as its sender ("first" to close, or "second"), flags, relative sequence number, relative
acknowledgment number.
Read next: exit(2); RFC 9293 section 3.6; Stevens, UNIX Network Programming vol. 1, sections 5.7 and 5.12.
"""

from badwire.claims import RFC, Checks, Kernel, Man, Text, claim, equals
from badwire.evidence import Connection, Evidence, Program, Records
from badwire.scenario import scenario
from badwire.testbed import Host, Lab, Socket

CALL = 7001  # the ports, by how the first side closes
EXIT = 7002
INTERRUPT = 7003
KILL = 7004
CLOSES_FIRST = {CALL: "client", EXIT: "server", INTERRUPT: "client", KILL: "server"}
ENDS_WITH = {EXIT: "status 0", INTERRUPT: "SIGINT", KILL: "SIGKILL"}
SEGMENTS = ("first FA 1 ack 1", "second A 1 ack 2", "second FA 1 ack 2", "first A 2 ack 2")
PATIENT = {"rto_min": 10_000}  # ms; so that no FIN is retransmitted when a busy machine delays its acknowledgment


def close_second(first: Host, second: Host, socket: Socket, port: int) -> None:
    """Close the second side when the first FIN is acknowledged, so that there are four segments."""
    first.wait_until(state="FIN_WAIT_2", port=port)
    second.wait_until(state="CLOSE_WAIT", port=port)
    socket.close()
    first.wait_until(state="TIME_WAIT", port=port)


@scenario("However the first side closes, the wire shows the same", routes={"client": PATIENT, "server": PATIENT})
def who_closes(lab: Lab) -> None:
    server = lab.host("server")
    client = lab.host("client")

    listener = server.listen(CALL)
    opener = client.connect(server.at(CALL))
    accepted = listener.accept()
    opener.close()
    close_second(client, server, accepted, CALL)

    listener = server.listen(INTERRUPT)
    reader = client.start("read_to_eof", server.at(INTERRUPT), ready=False)
    accepted = listener.accept()
    reader.interrupt()
    close_second(client, server, accepted, INTERRUPT)

    echo = server.start("echo_serial", EXIT)
    opener = client.connect(server.at(EXIT))
    echo.wait_for_output("accepted")  # a connection that is not accepted would be reset
    echo.stop()
    close_second(server, client, opener, EXIT)

    echo = server.start("echo_serial", KILL)
    opener = client.connect(server.at(KILL))
    echo.wait_for_output("accepted")
    echo.kill()
    close_second(server, client, opener, KILL)


@claim(
    "Three of the programs end without a call of close",
    Man("_exit(2)"),
    Man("signal(7)"),
    Kernel("kernel/exit.c", "do_exit"),
)
def end_without_close(run: Evidence) -> Checks:
    """One program ends by an exit that closes nothing (os._exit), one by SIGINT, which it does not catch, one by
    SIGKILL. The fourth socket, on port 7001, is closed by a call, so no program is started for it."""
    yield equals("ports of the programs that were started", ports_of(run.programs), tuple(ENDS_WITH))
    for port, ending in ENDS_WITH.items():
        programs = run.host(CLOSES_FIRST[port]).programs(None, port)
        yield equals("program on port {port} ends with", programs.map(how_it_ended), [ending], port=port)


@claim("On the wire all four closings look the same", RFC("9293", "3.6"), Man("_exit(2)"), Text("T51"))
def same_on_the_wire(run: Evidence) -> Checks:
    """Each closing has the same four segments."""
    for port in CLOSES_FIRST:
        yield equals("closing of port {port}", run.connection(port).closing.summary, SEGMENTS, port=port)


@claim(
    "Only the side that closes first is in TIME_WAIT, however it closes",
    RFC("9293", "3.6"),
    RFC("9293", "3.6.1"),
    Text("T51"),
    Text("T60"),
    Text("T73"),
)
def first_waits(run: Evidence) -> Checks:
    """The side in TIME_WAIT may be the client or the server, and its process need not exist any more."""
    for port, first in CLOSES_FIRST.items():
        connection = run.connection(port)
        yield equals("port {port} is closed first by", connection.closing.first, first, port=port)
    for port, first in CLOSES_FIRST.items():
        yield equals("side in TIME_WAIT on port {port}", in_time_wait(run.connection(port)), [first], port=port)


def ports_of(programs: Records[Program]) -> Records[int]:
    """The ports that programs serve or connect to, which are their last arguments, in ascending order."""
    return Records(sorted(int(program.argv[-1]) for program in programs), "ports", programs.what)


def how_it_ended(program: Program) -> str:
    """``status 0``, or the signal that ended it."""
    return str(program.signal or f"status {program.status}")


def in_time_wait(connection: Connection) -> list[str]:
    """The hosts whose end of a connection was in TIME_WAIT. Raises NotRecorded when an end was not sampled."""
    return [side.host for side in connection.sides if "TIME_WAIT" in side.states]
