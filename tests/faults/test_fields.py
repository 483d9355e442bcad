"""What a fault refuses when it is made, and its way to plain data and back."""

import json

import pytest

from badwire.errors import BadFault
from badwire.faults import (
    FAULTS,
    Corrupt,
    Delay,
    Duplicate,
    Fault,
    Hold,
    Late,
    Loss,
    Mtu,
    Nth,
    Partition,
    Rate,
    Reorder,
    Reset,
    from_json,
)
from tests.quick import no_leftovers as no_leftovers

GOOD: list[Fault] = [
    Partition(),
    Loss(0),
    Loss(1.0),
    Delay(0),
    Delay(0.05, jitter=0.05),
    Delay(240, 2),
    Duplicate(0.5),
    Reorder(0.25, by=0.02),
    Corrupt(0.01),
    Corrupt(1, spare=14),
    Rate(1e6),
    Rate(1_000, limit=1),
    Nth(1),
    Nth(3, times=None, flags="SA", from_port=80),
    Nth(2, copies=4, data=True, protocol="tcp"),
    Nth(20, times=None, every=20),
    Hold(),
    Hold(flags=".", data=False, to_port=65535),
    Hold(protocol="icmp"),
    Late(),
    Late(data=True, to_port=7000),
    Mtu(68),
    Mtu(65_535, tells=False),
    Reset(),
    Reset(answer="host-unreachable", protocol="udp"),
    Delay(0.05, from_="web", for_=5),
    Partition(from_="db", for_=0.5),
    Loss(0.1, port=6379, protocol="tcp"),
    Rate(1e6, to_port=80, flags="A", data=True),
]


@pytest.mark.parametrize("fault", GOOD, ids=repr)
def test_json_and_back(fault: Fault) -> None:
    assert from_json(json.loads(json.dumps(fault.to_json()))) == fault


def test_every_fault_is_tried_here() -> None:
    assert {type(fault) for fault in GOOD} == set(FAULTS.values())
    assert {name: kind.name for name, kind in FAULTS.items()} == {name: name for name in FAULTS}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "loss", "probability": 1.5}, ["loss", "probability", "0 to 1", "1.5"]),
        ({"name": "loss", "probability": -0.1}, ["probability", "0 to 1", "-0.1"]),
        ({"name": "loss", "probability": float("nan")}, ["probability", "nan"]),
        ({"name": "loss", "probability": "0.1"}, ["probability", "a number", "'0.1'"]),
        ({"name": "loss", "probability": True}, ["probability", "True"]),
        ({"name": "loss", "probability": None}, ["probability", "None"]),
        ({"name": "delay", "time": -1}, ["delay", "time", "0 to 240 s", "-1"]),
        ({"name": "delay", "time": 1e9}, ["time", "240 s"]),
        ({"name": "delay", "time": 0.01, "jitter": 0.02}, ["jitter", "0 to 0.01 s", "0.02"]),
        ({"name": "delay", "time": 10, "jitter": 3}, ["jitter", "0 to 2 s"]),
        ({"name": "duplicate", "probability": 2}, ["duplicate", "probability"]),
        ({"name": "corrupt", "probability": 2}, ["corrupt", "probability"]),
        ({"name": "corrupt", "probability": 1, "spare": -1}, ["corrupt", "spare", "whole number", "bytes"]),
        ({"name": "reorder", "probability": 2}, ["reorder", "probability"]),
        ({"name": "reorder", "probability": 0.1, "by": 0}, ["reorder", "by"]),
        ({"name": "rate", "bits_per_second": 0}, ["rate", "bits_per_second", "bit/s"]),
        ({"name": "rate", "bits_per_second": 1e6, "limit": 0}, ["limit", "whole number", "frames"]),
        ({"name": "rate", "bits_per_second": 1e6, "limit": 1.5}, ["limit", "whole number", "1.5"]),
        ({"name": "nth", "n": 0}, ["nth", "n must", "from 1"]),
        ({"name": "nth", "n": 10**400}, ["nth", "n must", "from 1"]),
        ({"name": "nth", "n": 1, "times": 0}, ["times"]),
        ({"name": "nth", "n": 1, "every": 0}, ["every", "whole number"]),
        ({"name": "nth", "n": 1, "copies": -1}, ["copies"]),
        ({"name": "nth", "n": 1, "copies": 1, "protocol": "udp"}, ["copies", "tcp", "udp"]),
        ({"name": "nth", "n": 1, "flags": "X"}, ["flags", "'X'"]),
        ({"name": "nth", "n": 1, "flags": ""}, ["flags", "''"]),
        ({"name": "nth", "n": 1, "flags": "S", "protocol": "udp"}, ["flags", "udp"]),
        ({"name": "hold", "port": 0}, ["hold", "port", "1 to 65535"]),
        ({"name": "hold", "to_port": 70000}, ["to_port"]),
        ({"name": "hold", "protocol": "sctp"}, ["protocol", "sctp"]),
        ({"name": "hold", "protocol": ["tcp"]}, ["protocol"]),
        ({"name": "hold", "protocol": "icmp", "port": 7}, ["icmp"]),
        ({"name": "hold", "data": "yes"}, ["data", "'yes'"]),
        ({"name": "late", "flags": "X"}, ["late", "flags", "'X'"]),
        ({"name": "loss", "probability": 0.1, "port": 65_536}, ["loss", "port", "1 to 65535", "65536"]),
        ({"name": "partition", "protocol": "sctp"}, ["partition", "protocol", "sctp"]),
        ({"name": "delay", "time": 1, "flags": "S", "protocol": "udp"}, ["delay", "flags", "udp"]),
        ({"name": "rate", "bits_per_second": 1e6, "from": ""}, ["rate", "from", "name of a host", "''"]),
        ({"name": "mtu", "size": 1000, "from": 5}, ["mtu", "from", "5"]),
        ({"name": "delay", "time": 1, "for": 0}, ["delay", "for", "0.001", "0"]),
        ({"name": "partition", "for": -5}, ["partition", "for", "-5"]),
        ({"name": "partition", "for": float("inf")}, ["partition", "for", "inf"]),
        ({"name": "partition", "for": "5s"}, ["partition", "for", "'5s'"]),
        ({"name": "partition", "for_": 5}, ["partition", "no field for_"]),
        ({"name": "reset", "answer": "no"}, ["reset", "answer", "rst", "admin-prohibited", "'no'"]),
        ({"name": "reset", "protocol": "udp"}, ["reset", "tcp", "udp"]),
        ({"name": "reset", "protocol": "arp", "answer": "host-unreachable"}, ["reset", "tcp or udp", "arp"]),
        ({"name": "mtu"}, ["mtu", "needs", "size"]),
        ({"name": "mtu", "size": 67}, ["mtu", "size", "whole number", "68 to 65535 bytes", "67"]),
        ({"name": "mtu", "size": 1000.0}, ["size", "whole number", "1000.0"]),
        ({"name": "mtu", "size": 1000, "tells": 1}, ["mtu", "tells", "True or False", "1"]),
        ({"name": "loss"}, ["loss", "needs", "probability"]),
        ({"name": "loss", "probability": 0.1, "chance": 1}, ["no field", "chance", "probability"]),
        ({"name": "fire"}, ["fire", "partition", "hold"]),
        ({"name": ["loss"]}, ["loss"]),
        ({}, ["None"]),
    ],
    ids=str,
)
def test_refused(data: dict[str, object], words: list[str]) -> None:
    with pytest.raises(BadFault) as refusal:
        from_json(data)
    text = str(refusal.value)
    assert all(word in text for word in words), text
    assert text.endswith(".") and "\n" not in text


def test_a_fault_is_shown_with_what_was_set() -> None:
    """The random numbers of a run depend on this text, so it must not change where nothing is selected."""
    assert repr(Loss(0.3)) == "Loss(probability=0.3)"
    assert repr(Delay(0.05)) == "Delay(time=0.05, jitter=0.0)"
    assert repr(Loss(0.3, port=80, from_="web", for_=5)) == "Loss(from_='web', port=80, for_=5, probability=0.3)"
    assert {kind.__repr__ for kind in FAULTS.values()} == {Fault.__repr__}


def test_what_keeps_two_faults_apart_is_in_their_text() -> None:
    assert len({repr(fault) for fault in GOOD}) == len(GOOD)
