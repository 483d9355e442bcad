"""Keepalive with a program's own times: a live peer answers each probe, a dead one does not, one that forgot sends RST.

    client                      server
      |  ACK, one number below -->  |  TCP_KEEPIDLE after the last segment came: a probe, which carries nothing
      |  <-------------------  ACK  |  from a peer that lives; the next probe TCP_KEEPIDLE later
      |  <-------------------  RST  |  from a peer that has restarted meanwhile: ECONNRESET
      |  ACK, one number below - x  |  from a peer that is gone: nothing, so again after TCP_KEEPINTVL
      |  ACK, one number below - x  |  and again, TCP_KEEPCNT times in all
      |  RST  ----------------- x   |  TCP_KEEPINTVL later: ETIMEDOUT

The number was acknowledged long ago, so nobody can mistake the probe for data, and RFC 9293 has every such segment
answered. Read next: tcp(7); RFC 9293 section 3.8.4; RFC 1122 section 4.2.3.6; the scenarios keepalive and half_open.
"""

from badwire.faults import Nth
from badwire.linux.timers import keepalive_waits, octaves
from badwire.old.claims import RFC, Kernel, Man, Verdict, all_of, claim, each_within, equals
from badwire.old.evidence import Evidence, intervals, tcp_of
from badwire.scenario import scenario
from badwire.testbed import Lab

ALIVE, FORGETS, DIES = 7001, 7002, 7003
IDLE, EVERY, PROBES = 3, 2, 3  # s without a segment; s from a probe to the next; how many
OPTIONS = {"TCP_KEEPIDLE": IDLE, "TCP_KEEPINTVL": EVERY, "TCP_KEEPCNT": PROBES}
TIMER = Kernel("net/ipv4/tcp_timer.c", "tcp_keepalive_timer")


@scenario("A probe finds out whether the peer still lives")
def keepalive_options(lab: Lab) -> None:
    server, client = lab.host("server"), lab.host("client")
    listeners = {port: server.listen(port) for port in (ALIVE, FORGETS, DIES)}
    sockets = {port: client.connect(server.at(port)) for port in listeners}
    forgetting = listeners[FORGETS].accept()
    with lab.wire.fault(Nth(1, flags="R", port=FORGETS), toward=client):
        forgetting.linger(0)
        forgetting.close()
        lab.wire.wait_until("drop", toward=client)
    with lab.wire.fault(Nth(1, times=None, protocol="tcp", port=DIES), toward=server):
        for each in sockets.values():
            for option, value in OPTIONS.items():
                each.set_option("IPPROTO_TCP", option, value)
            each.set_option("SOL_SOCKET", "SO_KEEPALIVE", 1)
        waiting = [sockets[port].begin("recv", 100) for port in (FORGETS, DIES)]
        for call in waiting:
            call.result(timeout=60)


@claim(Man("tcp(7)"), Kernel("net/ipv4/tcp_output.c", "tcp_xmit_probe_skb"), RFC("1122", "4.2.3.6"))
def a_probe_carries_nothing_and_its_number_is_one_below_the_next(seen: Evidence) -> Verdict:
    """Nothing was sent on this connection, so number 1 is the next one."""
    silence = seen.silence(DIES)
    lengths = {tcp_of(each).data_length for each in silence.frames}
    return equals((lengths, {*silence.connection.ladder(*silence.frames)}), ({0}, {"A 0 ack 1"}))


@claim(RFC("9293", "3.8.4"), RFC("9293", "3.10.7.4"), TIMER)
def a_live_peer_answers_each_and_the_next_comes_when_all_was_quiet_again(seen: Evidence) -> Verdict:
    """It acknowledges a segment that it cannot accept. Quiet is counted from that answer on."""
    connection = seen.opened(ALIVE).connection
    waits, rungs = (intervals(connection.segments[4:]) or ())[::2], connection.ladder(*connection.segments[3:])
    quiet = each_within(waits or None, octaves(*(IDLE for _ in waits)), "s")
    answered = equals(rungs, ("A 0 ack 1", "A 1 ack 1") * (len(rungs) // 2))
    return all_of(answered, quiet, equals(seen.ends(connection)["client"].gone, False))


@claim(Man("tcp(7)"), TIMER, RFC("9293", "3.8.4"), RFC("1122", "4.2.3.6"))
def a_dead_peer_is_given_up_after_so_many_probes_and_that_is_said_with_rst(seen: Evidence) -> Verdict:
    """From SO_KEEPALIVE on: TCP_KEEPIDLE, then TCP_KEEPINTVL after each probe. RST is for one that lives after all."""
    silence, due = seen.silence(DIES), keepalive_waits(IDLE, EVERY, PROBES)
    waits = silence.after_option("SO_KEEPALIVE"), *silence.waits
    said = equals(silence.connection.ladder(silence.connection.segments[-1]), ("RA 1 ack 1",))
    return all_of(each_within(waits, octaves(*due), "s"), said, equals(silence.call.errno, "ETIMEDOUT"))


@claim(RFC("9293", "3.5.2"), Man("tcp(7)"))
def a_peer_that_forgot_answers_the_first_probe_with_rst(seen: Evidence) -> Verdict:
    """As to any segment of a connection that it does not know."""
    connection = seen.opened(FORGETS).connection
    rungs, learns = connection.ladder(*connection.segments[4:]), seen.gave("client", FORGETS, "recv")
    return all_of(equals(rungs, ("A 0 ack 1", "R 1")), equals(learns, ("recv ECONNRESET",)))
