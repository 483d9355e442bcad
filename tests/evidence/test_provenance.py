"""Which frames a claim was judged on."""

from pathlib import Path

from badwire.claims import RFC, Checks, claim, equals, seen
from badwire.evidence import Evidence
from badwire.evidence.provenance import noted, noting
from badwire.result.judge import judgement
from badwire.scenario.scenario_file import Declaration, Scenario
from tests.claims.written import Written


@claim("The client resets", RFC("9293", "3.5"))
def client_resets(run: Evidence) -> Checks:
    yield seen("RST", run.connection(7000).client.segments("R"))


@claim("It is sent again", RFC("9293", "3.5"))
def sent_again(run: Evidence) -> Checks:
    yield equals("retransmissions", len(run.connection(7000).retransmissions), 1)


@claim("It is sent once more", RFC("9293", "3.5"))
def sent_once_more(run: Evidence) -> Checks:
    yield equals("retransmissions", len(run.connection(7000).retransmissions), 1)


@claim("No query is made", RFC("9293", "3.5"))
def no_query(run: Evidence) -> Checks:
    yield equals("one", 1, 1)


def test_a_claim_is_judged_on_the_frames_of_its_queries() -> None:
    w = Written()
    w.arp("client", "server", 0.05)
    w.segment("client", "server", 0.1, "S", seq=100)
    w.segment("client", "server", 1.1, "S", seq=100)
    w.segment("client", "server", 1.2, "R", seq=101)
    claims = (client_resets, sent_again, sent_once_more, no_query)
    written = Scenario("written", Path(__file__), "", Declaration(lambda lab: None, "written"), claims)
    _, frames = judgement(written, w.evidence())
    assert frames == {"client_resets": (3,), "sent_again": (2,), "sent_once_more": (2,), "no_query": ()}


def two_syns() -> Evidence:
    w = Written()
    w.segment("client", "server", 0.1, "S", seq=100)
    w.segment("client", "server", 1.1, "S", seq=100)
    return w.evidence()


def test_a_frame_is_noted_once() -> None:
    run = two_syns()
    with noting() as frames:
        run.frames()
        run.segments()
    assert list(frames.values()) == list(run.frames())


def test_a_block_within_a_block_notes_its_own_frames() -> None:
    first, second = two_syns().frames()
    with noting() as outer:
        with noting() as inner:
            noted([first])
        noted([second])
    assert list(inner.values()) == [first]
    assert list(outer.values()) == [second]


def test_outside_a_block_nothing_is_noted() -> None:
    run = two_syns()
    with noting() as frames:
        pass
    run.frames()
    assert frames == {}
