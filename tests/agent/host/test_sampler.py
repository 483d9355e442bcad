"""When the sampler looks because of a timer: closely before it is due, and until it must have fired."""

from badwire.agent.host.sampler import Running

MS = 1_000_000
JIFFY = 4 * MS  # HZ=250
STEP = 2048 * MS  # of the timer wheel for 60 s at HZ=250: 512 jiffies


def looks(length: int, fires: int) -> list[int]:
    """The times of all looks at a timer of that length, from its start until it has fired, in ns."""
    now, timer, seen = 0, None, []
    while now < fires:
        seen.append(now)
        timer = Running.seen(timer, now, max(0, length - now) // MS * MS)
        following = timer.next_look(now, JIFFY)
        assert following is not None, f"nobody looks any more at {now / MS} ms"
        assert following > now
        now = following
    return [*seen, now]


def test_a_timer_that_is_late_is_looked_at_until_it_has_fired() -> None:
    for late in (0, 4 * MS, 99 * MS, 101 * MS, 1000 * MS, STEP):
        *_, before, after = looks(60_000 * MS, 60_000 * MS + late)
        assert after - before <= STEP // 64


def test_waiting_costs_few_looks() -> None:
    assert len(looks(7_200_000 * MS, 7_200_000 * MS + 4 * MS)) < 20


def test_once_it_must_have_fired_nobody_waits_for_it() -> None:
    timer = Running(60_000 * MS, 60_000 * MS)
    assert timer.next_look(60_000 * MS + STEP + 8 * MS, JIFFY) is None


def test_a_timer_that_was_set_again_is_a_new_one() -> None:
    assert Running.seen(Running(200 * MS, 200 * MS), 150 * MS, 400 * MS) == Running(400 * MS, 550 * MS)
