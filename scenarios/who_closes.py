"""Who closes first, and how, makes no difference on the wire: a call, an exit, Ctrl-C, kill -9, each sends a FIN.

    first                           second
      |  FIN  ------------------->  |
      |  <-------------------  ACK  |
      |  <-------------------  FIN  |  close
      |  ACK  ------------------->  |
    TIME_WAIT

When a process ends, in whatever way, the kernel closes its descriptors for it. So the peer cannot tell an orderly end
from a violent one; and who was first waits in TIME_WAIT though it may be no more.
Read next: exit(2); RFC 9293 section 3.6; Stevens, UNIX Network Programming vol. 1, sections 5.7 and 5.12.
"""

from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Host, Lab, Process, Socket

CALL, EXIT, INTERRUPT, KILL = PORTS = 7001, 7002, 7003, 7004
FIRST = {CALL: "client", EXIT: "server", INTERRUPT: "client", KILL: "server"}
ENDED = {EXIT: (0, None), INTERRUPT: (None, "SIGINT"), KILL: (None, "SIGKILL")}  # status, signal
# No FIN is repeated where a busy machine delays its acknowledgment; ms.
PATIENT = {host: {"rto_min": 10_000} for host in ("client", "server")}


def close_second(first: Host, second: Socket, port: int) -> None:
    """Once the first FIN is acknowledged, so that there are four segments."""
    first.wait_until(state="FIN_WAIT_2", port=port)
    second.close()
    first.wait_until(state="TIME_WAIT", port=port)


@scenario("Who closes first, and how, is all the same on the wire", routes=PATIENT)
def who_closes(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listener, caller = server.listen(CALL), client.connect(server.at(CALL))
    answerer = listener.accept()
    caller.close()
    close_second(client, answerer, CALL)

    listener, reader = server.listen(INTERRUPT), client.start("read_to_eof", server.at(INTERRUPT), ready=False)
    answerer = listener.accept()
    reader.interrupt()
    close_second(client, answerer, INTERRUPT)

    for port, end in (EXIT, Process.stop), (KILL, Process.kill):
        echo, visitor = server.start("echo_serial", port), client.connect(server.at(port))
        echo.wait_for_output("accepted")  # else it is reset, as connections are that wait for accept
        end(echo)
        close_second(server, visitor, port)


@claim(Man("_exit(2)"), Man("signal(7)"), Kernel("kernel/exit.c", "do_exit"))
def three_of_the_programs_ended_without_a_call_of_close(seen: Evidence) -> Verdict:
    """By an exit that closes nothing (os._exit), by SIGINT, which the client leaves as it is, and by SIGKILL."""
    programs = seen.programs() or ()
    ended = {int(each.argv[-1]): (each.status, each.signal) for each in programs}
    return equals(ended or None, ENDED)


@claim(RFC("9293", "3.6"), Man("_exit(2)"), Text("T51"))
def the_wire_shows_no_difference(seen: Evidence) -> Verdict:
    rungs = ("first FA 1 ack 1", "second A 1 ack 2", "second FA 1 ack 2", "first A 2 ack 2")
    return equals({port: seen.closed(port).ladder for port in PORTS}, dict.fromkeys(PORTS, rungs))


@claim(RFC("9293", "3.6"), RFC("9293", "3.6.1"), Text("T51"), Text("T60"))
def but_in_who_was_first_and_so_waits(seen: Evidence) -> Verdict:
    """Client or server, alive or not."""
    ends = {port: seen.ends(seen.closed(port).connection) for port in PORTS}
    waits = {port: [host for host in ends[port] if "TIME_WAIT" in ends[port][host].states] for port in PORTS}
    first = equals({port: seen.closed(port).first for port in PORTS}, FIRST)
    return all_of(first, equals(waits, {port: [host] for port, host in FIRST.items()}))
