"""What a scenario types reaches a program's standard input, the same on every substrate."""

from collections.abc import Callable

import pytest

from badwire.errors import ProgramFailed, Timeout
from badwire.evidence import Evidence
from badwire.report.story import story
from badwire.testbed import Lab
from tests.conformance.conftest import Opener

COPY = ("/bin/sh", "-c", "echo here; exec cat")


def test_what_is_typed_reaches_the_program_and_is_on_record(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        copying = lab.host("client").start(*COPY, ready=False)
        copying.type("one\n")
        copying.wait_for_output("one\n")
        copying.type("two\n")
        copying.wait_for_output("two\n")
        copying.end_input()
        assert copying.wait().out == "here\none\ntwo\n"
    (program,) = seen().host("client").programs()
    assert [each.text for each in program.inputs] == ["one\n", "two\n"]
    assert (program.typed, program.output) == ("one\ntwo\n", "here\none\ntwo")
    shown = [event.text for event in story(seen()).events if event.kind == "input"]
    assert shown == ["typed into sh: one", "typed into sh: two"]


def test_a_program_that_is_run_to_its_end_has_what_was_typed_before(lab: Lab) -> None:
    client = lab.host("client")
    assert client.run("/bin/cat", typed="a\nb").out == "a\nb"
    assert client.run("/bin/cat").out == ""
    assert client.run("/bin/true", typed="never read").status == 0


def test_bytes_stay_what_they_are(lab: Lab) -> None:
    client = lab.host("client")
    assert client.run("/usr/bin/od", "-An", "-tx1", typed=b"\xff\0\xc3").out.split() == ["ff", "00", "c3"]


def test_bytes_that_are_not_text_are_on_record_exactly(opener: Opener, seen: Callable[[], Evidence]) -> None:
    with opener() as lab:
        lab.host("client").run("/bin/cat", typed=b"\xff\n")
    typed, written = ([r for r in seen().records if r["kind"] == kind] for kind in ("input", "output"))
    assert [(r["text"], r["data"]) for r in (*typed, *written)] == [("\\xff\n", b"\xff\n")] * 2


def test_a_program_that_has_ended_is_named(lab: Lab) -> None:
    ended = lab.host("client").start("/bin/true", ready=False)
    ended.wait()
    with pytest.raises(ProgramFailed, match=r"^true on client has ended, so nothing can be typed into it$"):
        ended.type("anybody?\n")


def test_a_program_that_has_closed_its_input_is_named(lab: Lab) -> None:
    deaf = lab.host("client").start("/bin/sh", "-c", "exec 0<&-; echo closed; exec sleep 1000", ready=False)
    deaf.wait_for_output("closed")
    with pytest.raises(ProgramFailed, match=r"^sh on client has closed its standard input, so nothing can be typed"):
        deaf.type("anybody?\n")


def test_a_program_that_does_not_read_is_named_and_what_it_reads_later_is_whole(lab: Lab) -> None:
    late = lab.host("client").start("/bin/sh", "-c", "read go; wc -c", ready=False)
    with pytest.raises(Timeout, match=r"^sleep on client did not read its input within 0.2 s; allow more time"):
        lab.host("client").start("/bin/sleep", "1000", ready=False).type("x" * 200_000, timeout=0.2)
    late.type("go\n" + "x" * 200_000)
    late.end_input()
    assert late.wait().out.split() == ["200000"]
