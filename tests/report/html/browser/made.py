"""Runs written by hand for the browser, with hostile text in them, and queries on a page that shows one."""

from typing import Any

from badwire.claims import RFC, Checks, Source, claim, equals, never
from badwire.claims.claim import judge_one
from badwire.evidence import Evidence
from badwire.result.judge import environment
from badwire.result.result import ClaimResult, Result
from tests.claims.written import Written, sock

EVIL = "</script><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
MOST_BYTES = 2_000_000
DRAWN = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"  # two frames later
DRAW_ALL = "window.dispatchEvent(new Event('beforeprint'))"  # as a printer has it
NUMBERS = "return [...new Set([...document.querySelectorAll('#ladder .arrow')].map((e) => Number(e.dataset.number)))]"
SOURCES: tuple[Source, ...] = (RFC("9293", "3.5"),)


def run(segments: int = 3) -> Written:
    """A handshake, data of which the second segment is lost and comes again a minute later, and evil words."""
    w = Written()
    w.note(0.05, EVIL)
    w.call("client", 0.09, "connect", ["10.0.0.2", 7000], took=0.02)
    w.call("client", 0.3, "send", EVIL, errno="EPIPE")
    w.program("server", 0.01, "shout", EVIL, exits=0.02, out=EVIL, err=EVIL)
    w.segment("client", "server", 0.1, "S", seq=1000)
    w.segment("server", "client", 0.101, "SA", seq=5000, ack=1001)
    w.sample("client", 0.15, [sock("ESTABLISHED", 40001, 7000)])
    w.fault(0.15, "server", {"name": "nth", "n": 2})
    for number in range(segments):
        w.segment(
            "client", "server", 0.2 + number / 1000, "PA", seq=1001 + number, ack=5001, data=b"x", lost=number == 1
        )
    w.fault(59, "server")
    w.segment("client", "server", 60.2, "PA", seq=1002, ack=5001, data=b"x")
    w.segment("client", "server", 60.3, "S", seq=9000, sport=40002)
    w.sample("server", 0.15, [sock("LISTEN", 7000)])
    return w


def result_of(seen: Evidence) -> Result:
    @claim("It holds", *SOURCES)
    def it_holds(run: Evidence) -> Checks:
        yield equals("text", EVIL, EVIL)

    @claim("It fails", *SOURCES)
    def it_fails(run: Evidence) -> Checks:
        yield never("frames", run.frames(), run)

    claims = tuple(ClaimResult.of(judge_one(each, seen)) for each in (it_holds, it_fails))
    return Result("written", "A title", "scenarios/written.py", "FAILS", 1, claims, environment(seen))


def busy() -> Written:
    """Much at once: two connections whose segments cross, calls that wait, states, faults, output of programs."""
    w = Written(("server", "client1", "client2"))
    w.program("server", 0.01, "serve", "7000", exits=0.02, out="ready\n")
    known: list[dict[str, Any]] = [sock("LISTEN", 7000)]
    for number, client in enumerate(("client1", "client2")):
        port, at = 40001 + number, 0.1 + number / 10_000
        w.fault(at - 0.01, client, {"name": "delay", "time": 0.05})
        w.call(client, at, "connect", ["10.0.0.2", 7000], took=0.3)
        w.segment(client, "server", at, "S", seq=100, sport=port, delivered=at + 0.05)
        w.segment("server", client, at + 0.05, "SA", seq=500, ack=101, dport=port, delivered=at + 0.1)
        w.segment(client, "server", at + 0.1, "A", seq=101, ack=501, sport=port, delivered=at + 0.15)
        w.segment(client, "server", at + 0.1001, "PA", seq=101, ack=501, data=b"x", sport=port, lost=True)
        w.sample(client, at + 0.0001, [sock("SYN_SENT", port, 7000)])
        w.sample(client, at + 0.1, [sock("ESTABLISHED", port, 7000)])
        w.sample(client, at + 1, [])
        known = [*known, sock("SYN_RECV", 7000, port)]
        w.sample("server", at + 0.05, known)
    return w
