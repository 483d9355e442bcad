"""When the sampler samples because of a timer: from shortly before it expires until it must have fired."""

from badwire.agent.host.sampler import SocketTimer
from tests.quick import no_leftovers as no_leftovers

MS = 1_000_000
JIFFY = 4 * MS  # HZ=250
STEP = 2048 * MS  # of the timer wheel for 60 s at HZ=250: 512 jiffies


def sample_times(length: int, fires: int) -> list[int]:
    """The times of all samples for a timer of that length, from its start until it has fired, in ns."""
    now = 0
    timer = None
    times = []
    while now < fires:
        times.append(now)
        timer = SocketTimer.update(timer, now, max(0, length - now) // MS * MS)
        following = timer.next_sample(now, JIFFY)
        assert following is not None, f"no sample is planned after {now / MS} ms"
        assert following > now
        now = following
    return [*times, now]


def test_a_late_timer_is_sampled_until_it_has_fired() -> None:
    for late in (0, 4 * MS, 99 * MS, 101 * MS, 1000 * MS, STEP):
        *_, before, after = sample_times(60_000 * MS, 60_000 * MS + late)
        assert after - before <= STEP // 64


def test_waiting_costs_few_sample_times() -> None:
    assert len(sample_times(7_200_000 * MS, 7_200_000 * MS + 4 * MS)) < 20


def test_no_sample_is_planned_once_the_timer_must_have_fired() -> None:
    timer = SocketTimer(60_000 * MS, 60_000 * MS)
    assert timer.next_sample(60_000 * MS + STEP + 8 * MS, JIFFY) is None


def test_a_timer_that_was_set_again_is_a_new_one() -> None:
    assert SocketTimer.update(SocketTimer(200 * MS, 200 * MS), 150 * MS, 400 * MS) == SocketTimer(400 * MS, 550 * MS)
