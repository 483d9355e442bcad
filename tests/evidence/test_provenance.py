"""Which frames a claim was judged on."""

from badwire.old.claims import RFC, Verdict, claim, equals, happened
from badwire.old.evidence import Evidence
from badwire.result.judge import judgement
from badwire.scenario.scenario_file import Declaration, Scenario
from tests.claims.written import Written


@claim(RFC("9293", "3.5"))
def the_client_resets(seen: Evidence) -> Verdict:
    return happened(seen.tried(7000).sent_by("client", "R"), "a RST")


@claim(RFC("9293", "3.5"))
def it_is_sent_again(seen: Evidence) -> Verdict:
    return equals(len(seen.tried(7000).retransmissions or ()), 1)


@claim(RFC("9293", "3.5"))
def it_is_sent_once_more(seen: Evidence) -> Verdict:
    return equals(len(seen.tried(7000).retransmissions or ()), 1)


@claim(RFC("9293", "3.5"))
def nothing_is_looked_at(seen: Evidence) -> Verdict:
    return equals(1, 1)


def test_it_is_what_its_queries_gave() -> None:
    w = Written()
    w.arp("client", "server", 0.05)
    w.segment("client", "server", 0.1, "S", seq=100)
    w.segment("client", "server", 1.1, "S", seq=100)
    w.segment("client", "server", 1.2, "R", seq=101)
    claims = (the_client_resets, it_is_sent_again, it_is_sent_once_more, nothing_is_looked_at)
    written = Scenario("written", __file__, "", Declaration(lambda lab: None, "written"), claims)  # type: ignore[arg-type]
    _, on = judgement(written, w.evidence())
    assert on == {
        "the_client_resets": (3,),
        "it_is_sent_again": (2,),
        "it_is_sent_once_more": (2,),
        "nothing_is_looked_at": (),
    }
