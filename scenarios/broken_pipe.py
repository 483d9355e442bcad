"""Broken pipe: what a write gives when its reader is gone, and which write.

    client                                      server
      |  <-------------------------------  FIN   |  close, or the end of the program
      |  first write  ------------------------>  |  nobody has it any more
      |  <-------------------------------  RST   |
      |  second write: SIGPIPE, or EPIPE         |

A FIN says that nothing more will come, not that nobody reads: so the first write succeeds. After an RST it fails with
ECONNRESET, and the second with EPIPE. Read next: write(2); Stevens, UNIX Network Programming vol. 1, section 5.13.
"""

from badwire.old.claims import RFC, Kernel, Man, Text, Verdict, all_of, claim, equals
from badwire.old.evidence import Evidence
from badwire.scenario import scenario
from badwire.testbed import Lab

CLOSED, RESET, TOLD, PROGRAM = 7001, 7002, 7003, 7004
ERROR, RST = Kernel("net/core/stream.c", "sk_stream_error"), Kernel("net/ipv4/tcp_input.c", "tcp_reset")
WHICH = "on which write: the first succeeds, and brings the RST; the second raises SIGPIPE"
WHO = "on the program: in C it dies unless it ignores or catches the signal; Python ignores it"


@scenario("The first write to a reader that is gone succeeds, the second raises SIGPIPE")
def broken_pipe(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listeners = {port: server.listen(port) for port in (CLOSED, RESET, TOLD, PROGRAM)}
    visitors = {port: client.connect(server.at(port)) for port in (CLOSED, RESET, TOLD)}
    served = {port: listeners[port].accept() for port in visitors}

    served[CLOSED].close()
    client.wait_until(state="CLOSE_WAIT", port=CLOSED)
    visitors[CLOSED].send(b"first")
    for port in RESET, TOLD:
        served[port].linger(0)
        served[port].close()
    for state in "CLOSE_WAIT", "ESTABLISHED":
        client.wait_while(state=state)  # each has had its RST
    visitors[CLOSED].send(b"second")
    visitors[CLOSED].recv()
    visitors[RESET].send(b"first")
    visitors[RESET].send(b"second")
    visitors[RESET].recv()
    visitors[TOLD].recv()
    visitors[TOLD].send(b"first")

    for options in ("--sigpipe",), ():
        program = client.start("write_on", server.at(PROGRAM), *options, ready=False)
        listeners[PROGRAM].accept().close()
        program.wait()


@claim(RFC("9293", "3.6"), Text("T8"), Text("T9", depends=WHICH))
def the_first_write_after_the_end_succeeds_and_is_answered_by_rst(seen: Evidence) -> Verdict:
    """The other side might have closed only its own direction. That nobody reads is told by the RST alone."""
    connection, calls = seen.opened(CLOSED).connection, seen.gave("client", CLOSED, "send")
    rst = connection.first("server", "R")
    return all_of(equals(calls and calls[0], "send 5"), equals(rst and connection.ladder(rst), ("R 2",)))


@claim(Man("write(2)"), ERROR, RST)
def the_second_fails_with_epipe(seen: Evidence) -> Verdict:
    """In CLOSE_WAIT an RST leaves EPIPE behind and not ECONNRESET; to read on gives the end of file, again."""
    return equals(seen.gave("client", CLOSED, "send", "recv"), ("send 5", "send EPIPE", "recv b''"))


@claim(Man("send(2)"), RST, Kernel("include/net/sock.h", "sock_error"))
def after_an_rst_in_established_econnreset_is_told_once_and_then_epipe(seen: Evidence) -> Verdict:
    """To whichever call comes first, for being told clears the error: who reads before it writes learns of it there."""
    wrote = equals(seen.gave("client", RESET, "send", "recv"), ("send ECONNRESET", "send EPIPE", "recv b''"))
    return all_of(wrote, equals(seen.gave("client", TOLD, "recv", "send"), ("recv ECONNRESET", "send EPIPE")))


@claim(Man("signal(7)"), ERROR, Text("T9", depends=WHO))
def sigpipe_ends_a_program_that_does_not_ignore_it(seen: Evidence) -> Verdict:
    """At the second write, without a word; one that ignores it has EPIPE there, and can say so."""
    programs = seen.programs("client", "write_on") or ()
    ends = [(each.out.splitlines()[-1:], each.signal or each.status) for each in programs]
    return equals(ends if len(ends) == 2 else None, [(["the connection is broken"], "SIGPIPE"), (["send: EPIPE"], 1)])
