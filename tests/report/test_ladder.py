"""The ladder in text, of frames that were written by hand."""

from badwire.report.ladder import text
from badwire.report.story import story
from tests.claims.written import Written
from tests.quick import no_leftovers as no_leftovers


def lines(run: Written, most: int = 40, since: int = 0) -> list[str]:
    return text(story(run.evidence()), most, since).splitlines()


def handshake() -> Written:
    run = Written()
    run.segment("client", "server", 0.1, "S", seq=100)
    run.segment("server", "client", 0.2, "SA", seq=300, ack=101)
    run.segment("client", "server", 0.3, "A", seq=101, ack=301)
    return run


def test_arrows_point_from_the_sender_to_the_receiver() -> None:
    heads, syn, syn_ack, ack = lines(handshake())
    assert heads.split() == ["seconds", "client", "server"]
    assert syn.split()[0] == "0.100000" and "SYN" in syn and syn.endswith("->|") and "|-" in syn
    assert syn_ack.split()[0] == "0.200000" and "SYN" in syn_ack and "|<-" in syn_ack and syn_ack.endswith("-|")
    assert ack.endswith("->|")
    assert len({len(line) for line in (syn, syn_ack, ack)}) == 1


def test_a_lost_frame_ends_on_its_way() -> None:
    run = Written()
    run.segment("client", "server", 0.1, "S", seq=100, lost=True)
    run.segment("server", "client", 0.2, "R", seq=100, lost=True)
    _, right, left = lines(run)
    assert "X    |" in right and ">" not in right and right.endswith("not delivered")
    assert "|    X" in left and "<" not in left


def test_a_frame_that_came_twice_says_so() -> None:
    run = Written()
    run.segment("client", "server", 0.1, "S", seq=100, delivered=(0.3, 0.4))
    assert lines(run)[-1].endswith("  delivered 2 times")


def test_the_last_frames_only() -> None:
    told, _, *arrows = lines(handshake(), most=2)
    assert told == "the last 2 of 3 frames"
    assert [arrow.split()[0] for arrow in arrows] == ["0.200000", "0.300000"]


def test_frames_of_an_earlier_test_are_left_out() -> None:
    _, *arrows = lines(handshake(), since=250_000_000)
    assert [arrow.split()[0] for arrow in arrows] == ["0.300000"]


def test_without_a_frame() -> None:
    assert lines(Written()) == ["no frame passed between the hosts"]


def test_an_arrow_passes_the_hosts_between() -> None:
    run = Written(hosts=("client", "middle", "server"))
    run.segment("client", "server", 0.1, "S", seq=100)
    run.segment("server", "middle", 0.2, "S", seq=100)
    heads, far, near = lines(run)
    assert heads.split() == ["seconds", "client", "middle", "server"]
    assert far.count("|") == 2 and near.count("|") == 3
