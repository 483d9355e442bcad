"""The ledger: what claims make of statements, what runs say of them, and the document that the project keeps."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from badwire.claims import FAILS, HOLDS, RFC, UNKNOWN, Check, Claim, Judged, Text, Verdict
from badwire.course import textbook
from badwire.course.ledger import Entry, Stand, entries, render, without_measurements
from badwire.course.measured import NOTHING, Kernel, Measured, measured
from badwire.course.textbook import Saying, Statement, Textbook
from badwire.errors import BadRun, RequestError
from badwire.result.result import ClaimResult, Result
from badwire.scenario import scenario_file
from badwire.scenario.scenario_file import Declaration, Scenario
from badwire.util.message import Message
from tests.command_line import ROOT, lab, sentence

BOOK = Textbook(
    tuple(Statement(f"T{n}", f"statement {n}", "First" if n < 3 else "Second") for n in range(1, 5)),
    (Saying("two, they say", "T2", False), Saying("not one", "T1", True), Saying("not three", "T3", True)),
)
WAIT = Message("wait")
NO, DEPENDS = Text("T2", no="this is so"), Text("T3", depends="on that")


def claim(name: str, *sources: Text | RFC) -> Claim:
    return Claim(name.replace("_", " "), name, "", sources, lambda run: iter(()))


def story(name: str, *claims: Claim) -> Scenario:
    return Scenario(name, Path(f"{name}.py"), "", Declaration(lambda lab: None, name), claims)


def ledger(*claims: Claim) -> tuple[Entry, ...]:
    return entries(BOOK, [story("one", *claims)])


def run(
    base: Path, name: str, verdicts: dict[str, Verdict], kernel: str = "6.1.9-um", ended: str = "1", **changes: object
) -> Path:
    """A run's folder, with its result, as `badwire run` leaves it."""
    folder = base / "one" / name
    folder.mkdir(parents=True)
    found = tuple(
        ClaimResult.of(Judged(claim(each, RFC("1")), (Check(WAIT, verdict, 7.5, Message("8"), "s", Message("late")),)))
        for each, verdict in verdicts.items()
    )
    environment = {"kernel": kernel, "hz": 100, "clock": "virtual"}
    result = Result("one", "title", "one.py", "HOLDS", 0, found, environment)
    replace(result, **changes).save(folder)  # type: ignore[arg-type]
    (folder / "evidence.jsonl").touch()
    (folder / "run.json").write_text(json.dumps({"ended": ended}))
    return folder


def test_a_statement_stands_as_its_worst_claim_has_it() -> None:
    first, second, third, fourth = ledger(
        claim("a", Text("T1"), RFC("1")), claim("b", Text("T2")), claim("c", NO, DEPENDS), claim("d", Text("T3"))
    )
    assert [each.stand for each in (first, second, third, fourth)] == [
        Stand.HOLDS, Stand.NOT, Stand.DEPENDS, Stand.UNTESTED,
    ]  # fmt: skip
    assert (first.instead, second.instead, third.instead) == ((), ("this is so",), ("on that",))
    assert [each.claim.name for each in third.citations] == ["c", "d"]


def test_a_claim_that_refers_to_a_statement_that_there_is_not_is_an_error() -> None:
    with pytest.raises(RequestError, match="one: the claim a refers to T9, which"):
        ledger(claim("a", Text("T9")))


def test_the_newest_run_of_each_kernel_counts(tmp_path: Path) -> None:
    run(tmp_path, "b", {"a": HOLDS}, ended="2")
    run(tmp_path, "a", {"a": FAILS}, ended="3")
    run(tmp_path, "c", {"a": UNKNOWN}, ended="1")
    run(tmp_path, "d", {"a": HOLDS}, kernel="6.18.44", ended="1")
    run(tmp_path, "e", {"a": UNKNOWN}, ended="4", error="it broke off")
    (tmp_path / "one" / "latest").symlink_to("b")
    unreadable = run(tmp_path, "f", {"a": UNKNOWN}, ended="5")
    (unreadable / "result.json").write_text("{")
    found = measured([tmp_path])
    assert [(str(kernel), each.verdict) for kernel, each in found.findings("one", "a")] == [
        ("Linux 6.1.9", "FAILS"), ("Linux 6.18.44", "HOLDS"),
    ]  # fmt: skip
    assert found.findings("one", "b") == found.findings("two", "a") == ()
    assert measured([tmp_path / "one"]) == found


def test_a_runs_own_folder_will_do(tmp_path: Path) -> None:
    folder = run(tmp_path, "b", {"a": HOLDS})
    assert measured([folder]).kernels == (Kernel((6, 1, 9), 100, "virtual"),)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="nowhere is no folder"):
        measured([tmp_path / "nowhere"])


def some() -> tuple[Entry, ...]:
    return ledger(claim("it_is_so", Text("T1")), claim("it_is_not", NO), claim("it_varies", DEPENDS))


def shown(found: Measured = NOTHING) -> list[str]:
    return render(some(), BOOK.sayings, found).splitlines()


def test_the_document_counts_and_names_what_is_not_tested() -> None:
    lines = shown()
    assert {"| 1 | hold |", "| 1 | depend |", "| 1 | do not hold |"} < set(lines)
    assert "| 1 | no claim tests: [T4](#T4) |" in lines


def test_the_document_says_what_is_so_in_place_of_what_does_not_hold() -> None:
    lines = shown()
    assert "- [one](../scenarios/one.py): *it is not*: this is so" in lines
    assert '### <a id="T2"></a>T2 does not hold' in lines
    assert "| [T3](#T3) | statement 3 | depends: on that |" in lines


def test_hearsay_is_answered_by_its_statement_or_by_the_contrary_of_it() -> None:
    lines = shown()
    assert "| two, they say | does not hold | this is so ([T2](#T2)) |" in lines
    assert "| not one | does not hold | statement 1 ([T1](#T1)) |" in lines
    assert "| not three | does not hold | statement 3 ([T3](#T3)) |" in lines


def test_the_document_says_what_was_measured_and_where_that_is_otherwise(tmp_path: Path) -> None:
    run(tmp_path, "a", {"it_is_so": HOLDS, "it_is_not": FAILS})
    run(tmp_path, "b", {"it_is_so": HOLDS, "it_varies": UNKNOWN}, kernel="6.18.44")
    lines = shown(measured([tmp_path]))
    assert "  - measured: `wait: 7.5 s` (Linux 6.1.9, Linux 6.18.44)" in lines
    assert "  - measured: **FAILS** `wait: 7.5 s` late (Linux 6.1.9)" in lines
    assert "  - measured: **UNKNOWN** `wait: 7.5 s` late (Linux 6.18.44)" in lines
    assert "- measured on Linux 6.1.9, HZ 100, by the virtual clock: 1 scenario" in lines
    assert [line for line in lines if "otherwise" in line] == [
        "- measured otherwise, or not at all: [T2](#T2) in one on Linux 6.1.9",
        "- measured otherwise, or not at all: [T3](#T3) in one on Linux 6.18.44",
    ]


def test_without_its_measurements_a_document_is_what_the_claims_alone_say(tmp_path: Path) -> None:
    run(tmp_path, "a", {"it_is_so": HOLDS, "it_is_not": FAILS})
    with_runs = "\n".join(shown(measured([tmp_path]))) + "\n"
    assert with_runs != render(some(), BOOK.sayings)
    assert without_measurements(with_runs) == render(some(), BOOK.sayings)


def catalogue() -> Sequence[Entry]:
    """The project's own ledger; RequestError where a claim refers to a statement that there is not."""
    return entries(textbook.read(), (scenario_file.load(name) for name in scenario_file.names()))


def test_every_statement_is_tested_by_a_claim() -> None:
    assert [each.statement.number for each in catalogue() if not each.citations] == []


def test_no_claim_refers_to_a_statement_that_there_is_not() -> None:
    catalogue()


def test_the_kept_ledger_agrees_with_the_claims() -> None:
    kept = (ROOT / "docs" / "ledger.md").read_text()
    assert without_measurements(kept) == render(catalogue(), textbook.read().sayings), "make ledger"


def test_the_command_writes_the_document(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    done = lab("ledger", tmp_path / "runs", "--out", tmp_path / "ledger.md")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert lab("ledger", tmp_path / "runs").stdout == (tmp_path / "ledger.md").read_text()


def test_where_nothing_can_be_written_is_one_sentence(tmp_path: Path) -> None:
    assert "is a directory" in sentence(lab("ledger", "--out", tmp_path, cwd=tmp_path)).lower()


def test_no_such_folder_is_one_sentence(tmp_path: Path) -> None:
    assert "nowhere is no folder: give one with runs in it" in sentence(lab("ledger", "nowhere", cwd=tmp_path))
