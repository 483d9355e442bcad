"""Tables of sockets that are put together from samples are those that were sampled."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from badwire.agent.host.table_changes import TableChanges
from badwire.store.sampled_table import SampledTable, gaps, time_left
from tests.claims.forged import sock
from tests.quick import no_leftovers as no_leftovers

MS = 1_000_000
STATES = ("SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK")
Entry = dict[str, Any]


def tables(seed: int) -> Iterator[tuple[int, list[Entry]]]:
    """Tables as they may follow one another, each with its time in ns: sockets come, change, wait and go."""
    draw = random.Random(seed)
    due: dict[int, int] = {}  # by port; in ns
    current: dict[int, Entry] = {}
    t = 0
    for _ in range(300):
        t += draw.choice((1, 40, 1_000)) * MS
        port = draw.randrange(40000, 40030)
        what = draw.choice(("changes", "waits", "goes", "nothing"))
        if what == "changes":
            current[port] = sock(draw.choice(STATES), port, 7000, info={"snd_cwnd": draw.randrange(20)})
        elif what == "waits":
            current[port] = sock("TIME_WAIT", port, 7000, timer="time_wait")
            due[port] = t + 60_000 * MS
        elif what == "goes":
            current.pop(port, None)
        table = [dict(entry) for entry in current.values()]
        for entry in table:
            if entry["timer"] != "off":
                entry["expires_ms"] = max(0, due[entry["local"][1]] - t) // MS
        draw.shuffle(table)
        yield t, table


def samples(of: Iterator[tuple[int, list[Entry]]]) -> Iterator[tuple[list[Entry], dict[str, Any]]]:
    changes = TableChanges(4 * MS)
    for number, (t, table) in enumerate(of, 1):
        fields = changes.update(table, t, t).fields
        yield table, {"kind": "sample", "host": "client", "t": t, "number": number, **fields}


def ports(entry: Entry) -> tuple[int, int]:
    return entry["local"][1], entry["remote"][1]


def without_id(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name != "id"}


@pytest.mark.parametrize("seed", range(5))
def test_each_table_is_the_one_that_was_sampled(seed: int) -> None:
    together = SampledTable()
    for table, sample in samples(tables(seed)):
        together.take(sample)
        assert together.t == sample["t"]
        found = [without_id(entry) for entry in together.entries()]
        assert sorted(found, key=ports) == sorted(table, key=ports)


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_that_is_missing_is_noticed_at_the_next_one(seed: int) -> None:
    recorded = [sample for _, sample in samples(tables(seed))]
    missing = random.Random(seed).randrange(len(recorded) - 1)
    left = [sample for place, sample in enumerate(recorded) if place != missing]
    assert gaps(left) == {"client": f"sample {missing + 2} is where sample {missing + 1} should be"}
    assert gaps(recorded) == {}


@pytest.mark.parametrize(
    "damage",
    [{"sockets": []}, {"gone": []}, {"gone": [1, 9]}, {"gone": [1, 1]}, {"size": 3}],
    ids=["no sockets", "none is gone", "one is gone that was not there", "one is gone twice", "another size"],
)
def test_a_sample_that_does_not_fit_is_noticed(damage: dict[str, Any]) -> None:
    first, second, third = (sock("ESTABLISHED", port, 7000) for port in (1, 2, 3))
    (_, before), (_, after) = samples(iter([(1, [first, second]), (2, [second, third])]))
    assert gaps([before, after]) == {}
    assert gaps([before, {**after, **damage}]) == {"client": "sample 2 does not fit the one before"}


def test_hosts_have_tables_of_their_own() -> None:
    (_, one), (_, two) = samples(iter([(1, []), (2, [sock("LISTEN")])]))
    others = [{**one, "host": "server"}, {**two, "host": "server", "number": 3}]
    note = {"kind": "note", "t": 1, "text": ""}
    assert gaps([one, others[0], note, two, others[1]]) == {"server": "sample 3 is where sample 2 should be"}


@pytest.mark.parametrize(("ms", "elapsed", "left"), [(60, 0, 60), (60, 10.4, 50), (60, 10.6, 49), (60, 70, 0)])
def test_the_time_left_on_a_timer(ms: int, elapsed: float, left: int) -> None:
    assert time_left(ms, round(elapsed * MS)) == left
