"""Between which hosts a fault is set, as paths from one host to another."""

import pytest

from badwire.errors import BadOption
from badwire.faults import Delay, Fault, Loss, Partition, Rate
from badwire.faults.direction import Direction, Path, check_apart
from tests.quick import no_leftovers as no_leftovers

HOSTS = ("web", "redis", "db")


@pytest.mark.parametrize(
    ("direction", "paths"),
    [
        (Direction(), [("web", None), ("redis", None), ("db", None)]),
        (Direction(toward=("db",)), [("db", None)]),
        (Direction(toward=("db", "web")), [("db", None), ("web", None)]),
        (Direction(from_=("db",)), [("web", "db"), ("redis", "db")]),
        (Direction(toward=("web",), from_=("db",)), [("web", "db")]),
        (Direction(toward=("web", "db"), from_=("db", "web")), [("web", "db"), ("db", "web")]),
        (Direction(between=(("web", "redis"),)), [("web", "redis"), ("redis", "web")]),
        (
            Direction(between=(("web", "redis"), ("db", "web"), ("redis", "web"))),
            [("web", "redis"), ("redis", "web"), ("db", "web"), ("web", "db")],
        ),
        (Direction(of=("db",)), [("db", None), ("web", "db"), ("redis", "db")]),
        (Direction(of=("db", "web")), [("db", None), ("web", None), ("redis", "db"), ("redis", "web")]),
    ],
)
def test_paths(direction: Direction, paths: list[Path]) -> None:
    assert sorted(direction.paths(HOSTS), key=str) == sorted(paths, key=str)
    assert Direction.from_json(direction.to_json()) == direction


@pytest.mark.parametrize(
    ("direction", "sentence"),
    [
        (Direction(toward=("wep",)), "There is no host 'wep' in this lab: did you mean web?"),
        (Direction(from_=("mars",)), "There is no host 'mars' in this lab: the hosts are web, redis, db."),
        (Direction(between=(("web", "mars"),)), "There is no host 'mars'"),
        (Direction(of=("mars",)), "There is no host 'mars'"),
        (Direction(between=(("web", "web"),)), "No frame goes over the wire from web to itself; name two hosts."),
        (Direction(toward=("db",), from_=("db",)), "No frame goes over the wire from db to itself; name two hosts."),
        (Direction(toward=("db",), between=(("web", "db"),)), "Give a direction in one way"),
        (Direction(from_=("db",), of=("web",)), "Give a direction in one way"),
        (Direction(between=(("web", "db"),), of=("web",)), "Give a direction in one way"),
    ],
)
def test_what_no_frame_can_take_is_refused(direction: Direction, sentence: str) -> None:
    with pytest.raises(BadOption) as caught:
        direction.paths(HOSTS)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_each_fault_gets_the_sender_of_its_path() -> None:
    faults = Direction(between=(("web", "db"),)).of_each([Delay(0.05, port=80), Partition()], HOSTS)
    assert faults == [
        (("web", "db"), Delay(0.05, port=80, from_="db")),
        (("db", "web"), Delay(0.05, port=80, from_="web")),
        (("web", "db"), Partition(from_="db")),
        (("db", "web"), Partition(from_="web")),
    ]


def test_a_fault_with_a_sender_of_its_own() -> None:
    delay = Delay(0.05, from_="db")
    assert Direction().of_each([delay], HOSTS) == [(("web", None), delay), (("redis", None), delay)]
    with pytest.raises(BadOption, match="from db to itself"):
        Direction(toward=("db",)).of_each([delay], HOSTS)
    with pytest.raises(BadOption, match=r"^delay has from=db of its own; give its direction once\.$"):
        Direction(from_=("web",)).of_each([delay], HOSTS)
    with pytest.raises(BadOption, match="There is no host 'mars'"):
        Direction().of_each([Delay(0.05, from_="mars")], HOSTS)


TO_DB = Direction(toward=("db",))
TO_WEB = Direction(toward=("web",))
FROM_WEB = Direction(from_=("web",))
OF_DB = Direction(of=("db",))
OF_REDIS = Direction(of=("redis",))
WEB_AND_DB = Direction(between=(("web", "db"),))
WEB_AND_REDIS = Direction(between=(("web", "redis"),))


@pytest.mark.parametrize(
    ("groups", "clear"),
    [
        ([(TO_DB, [Delay(0.1)]), (TO_WEB, [Delay(0.01)])], True),
        ([(TO_DB, [Delay(0.1), Delay(0.2)])], True),
        ([(WEB_AND_DB, [Delay(0.1)]), (OF_REDIS, [Loss(0.1)])], True),
        ([(WEB_AND_DB, [Rate(1e6)]), (WEB_AND_REDIS, [Rate(2e6)])], True),
        ([(TO_DB, [Delay(0.1, port=80)]), (TO_DB, [Delay(0.2, port=81)])], True),
        ([(TO_DB, [Delay(0.1)]), (TO_DB, [Delay(0.2)])], False),
        ([(TO_DB, [Delay(0.1)]), (Direction(), [Delay(0.2)])], False),
        ([(TO_DB, [Rate(1e6)]), (FROM_WEB, [Rate(2e6)])], False),
        ([(OF_DB, [Partition()]), (WEB_AND_DB, [Partition()])], False),
        ([(TO_DB, [Loss(0.1, port=80)]), (TO_DB, [Loss(0.1)])], False),
    ],
)
def test_two_directions_with_the_same_fault_on_the_same_frames_are_refused(
    groups: list[tuple[Direction, list[Fault]]], clear: bool
) -> None:
    placed = [direction.of_each(faults, HOSTS) for direction, faults in groups]
    if clear:
        check_apart(placed)
        return
    with pytest.raises(BadOption, match=r"^\w+ is given twice for frames (from \w+ )?toward \w+, once for each of two"):
        check_apart(placed)
