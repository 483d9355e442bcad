"""The ledger: the status of statements, measurements of runs, and the document that the project keeps."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from badwire.claims import FAILS, HOLDS, RFC, UNKNOWN, Check, Claim, Judged, Kernel, Source, Text, Verdict
from badwire.course import textbook
from badwire.course.ledger import DIFFERENCES, LedgerEntry, Status, entries, render, without_measurements
from badwire.course.measured import NO_MEASUREMENTS, KernelOfRun, Measurements, read_measurements
from badwire.course.textbook import ShortVersion, Statement, Textbook
from badwire.errors import BadRun, RequestError
from badwire.result.result import ClaimResult, Result
from badwire.scenario import scenario_file
from badwire.scenario.scenario_file import Declaration, Scenario
from badwire.util.sentence import Sentence
from tests.command_line import ROOT, lab, sentence

BOOK = Textbook(
    tuple(Statement(f"T{n}", f"statement {n}", "First" if n < 3 else "Second") for n in range(1, 5)),
    (
        ShortVersion("two, as they repeat it", "T2", False),
        ShortVersion("not one", "T1", True),
        ShortVersion("not three", "T3", True),
    ),
)
WAIT = Sentence("wait")
NO, DEPENDS = Text("T2", no="this is so"), Text("T3", depends="on that")


def claim(name: str, *sources: Source) -> Claim:
    return Claim(name.replace("_", " "), name, "", sources, lambda run: iter(()))


def story(name: str, *claims: Claim) -> Scenario:
    return Scenario(name, Path(f"{name}.py"), "", Declaration(lambda lab: None, name), claims)


def ledger(*claims: Claim) -> tuple[LedgerEntry, ...]:
    return entries(BOOK, [story("one", *claims)])


def run(
    base: Path,
    name: str,
    verdicts: dict[str, Verdict],
    kernel: str = "6.1.9-um",
    ended: str = "1",
    expected: str = "8",
    **changes: object,
) -> Path:
    """A run's folder, with its result, as `badwire run` leaves it."""
    folder = base / "one" / name
    folder.mkdir(parents=True)
    found = tuple(
        ClaimResult.of(
            Judged(claim(each, RFC("1")), (Check(WAIT, verdict, 7.5, Sentence(expected), "s", Sentence("late")),))
        )
        for each, verdict in verdicts.items()
    )
    environment = {"kernel": kernel, "hz": 100, "clock": "virtual"}
    result = Result("one", "title", "one.py", "HOLDS", 0, found, environment)
    replace(result, **changes).save(folder)  # type: ignore[arg-type]
    (folder / "evidence.jsonl").touch()
    (folder / "run.json").write_text(json.dumps({"ended": ended}))
    return folder


def test_the_worst_claim_decides_the_status_of_a_statement() -> None:
    first, second, third, fourth = ledger(
        claim("a", Text("T1"), RFC("1")), claim("b", Text("T2")), claim("c", NO, DEPENDS), claim("d", Text("T3"))
    )
    assert [each.status for each in (first, second, third, fourth)] == [
        Status.HOLDS, Status.DOES_NOT_HOLD, Status.DEPENDS, Status.UNTESTED,
    ]  # fmt: skip
    assert (first.corrections, second.corrections, third.corrections) == ((), ("this is so",), ("on that",))
    assert [each.claim.name for each in third.citations] == ["c", "d"]


def test_a_claim_that_cites_an_unknown_statement_is_an_error() -> None:
    with pytest.raises(RequestError, match="one: the claim a cites T9, which"):
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
    found = read_measurements([tmp_path])
    assert [(str(kernel), each.verdict) for kernel, each in found.of("one", "a")] == [
        ("Linux 6.1.9", "FAILS"), ("Linux 6.18.44", "HOLDS"),
    ]  # fmt: skip
    assert found.of("one", "b") == found.of("two", "a") == ()
    assert read_measurements([tmp_path / "one"]) == found


def test_a_runs_own_folder_is_accepted(tmp_path: Path) -> None:
    folder = run(tmp_path, "b", {"a": HOLDS})
    assert read_measurements([folder]).kernels == (KernelOfRun((6, 1, 9), 100, "virtual"),)


def test_a_path_that_is_not_a_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="nowhere is not a directory"):
        read_measurements([tmp_path / "nowhere"])


def some() -> tuple[LedgerEntry, ...]:
    holds = claim("it_is_so", Text("T1", note="and more"), Kernel("tcp.c", "f"), RFC("1", "2"))
    return ledger(holds, claim("it_is_not", NO, RFC("1")), claim("it_varies", DEPENDS))


def shown(measurements: Measurements = NO_MEASUREMENTS) -> list[str]:
    return render(some(), BOOK.short_versions, measurements).splitlines()


def test_the_document_counts_and_names_what_is_not_tested() -> None:
    lines = shown()
    assert {"| 1 | hold |", "| 1 | depend |", "| 1 | do not hold |"} < set(lines)
    assert "| 1 | are not tested: [T4](#T4) |" in lines


def test_the_document_corrects_what_does_not_hold() -> None:
    lines = shown()
    assert "| claim | what is true | source |" in lines
    assert "| [one](../scenarios/one.py): *it is not* | does not hold: this is so | RFC 1 |" in lines
    assert "| [one](../scenarios/one.py): *it is so* | holds: and more | Linux tcp.c f; RFC 1 section 2 |" in lines
    assert '### <a id="T2"></a>T2 does not hold' in lines
    assert "| [T3](#T3) | statement 3 | depends: on that |" in lines


def test_a_short_version_gets_its_statement_or_the_opposite_of_it() -> None:
    lines = shown()
    assert "| two, as they repeat it | does not hold | this is so ([T2](#T2)) |" in lines
    assert "| not one | does not hold | statement 1 ([T1](#T1)) |" in lines
    assert "| not three | does not hold | statement 3 ([T3](#T3)) |" in lines


def test_the_document_shows_measurements_and_lists_those_that_do_not_hold(tmp_path: Path) -> None:
    run(tmp_path, "a", {"it_is_so": HOLDS, "it_is_not": FAILS})
    run(tmp_path, "b", {"it_is_so": HOLDS, "it_varies": UNKNOWN}, kernel="6.18.44")
    lines = shown(read_measurements([tmp_path]))
    assert "| claim | what is true | source | Linux 6.1.9, virtual clock | Linux 6.18.44, virtual clock |" in lines
    columns = {line.split("*")[1]: line.split(" | ")[3:] for line in lines if line.startswith("| [one]")}
    assert columns == {
        "it is so": ["wait: `7.5 s`", "wait: `7.5 s` |"],
        "it is not": ["**FAILS** wait: `7.5 s`, late", " |"],
        "it varies": ["", "**UNKNOWN** wait: `7.5 s`, late |"],
    }
    assert "- measured on Linux 6.1.9, HZ 100, on the virtual clock: 1 scenario" in lines
    assert [line for line in lines if "measured with" in line] == [
        "- measured with FAILS: [T2](#T2) in one on Linux 6.1.9",
        "- measured with UNKNOWN: [T3](#T3) in one on Linux 6.18.44",
    ]


def test_the_document_says_where_kernels_differ(tmp_path: Path) -> None:
    assert DIFFERENCES not in shown()
    run(tmp_path, "a", {"it_is_so": HOLDS, "it_varies": HOLDS})
    assert DIFFERENCES not in shown(read_measurements([tmp_path]))
    run(tmp_path, "b", {"it_is_so": HOLDS, "it_varies": FAILS}, kernel="6.18.44")
    lines = shown(read_measurements([tmp_path]))
    begins = lines.index(DIFFERENCES)
    rows = [line for line in lines[begins:] if line.startswith("| [one]")]
    assert rows[0] == "| [one](../scenarios/one.py): *it varies* | HOLDS | FAILS |"


def test_what_a_check_expects_differs_by_kernel(tmp_path: Path) -> None:
    run(tmp_path, "a", {"it_is_so": HOLDS}, expected="8")
    run(tmp_path, "b", {"it_is_so": HOLDS}, kernel="6.18.44", expected="9")
    assert "| [one](../scenarios/one.py): *it is so* | wait: `8 s` | wait: `9 s` |" in shown(
        read_measurements([tmp_path])
    )


def test_what_another_seed_changes_is_no_difference_of_kernels(tmp_path: Path) -> None:
    run(tmp_path, "a", {"it_is_so": HOLDS}, expected="8")
    run(tmp_path, "b", {"it_is_so": HOLDS}, expected="7")
    run(tmp_path, "c", {"it_is_so": HOLDS}, kernel="6.18.44", expected="9")
    assert DIFFERENCES not in shown(read_measurements([tmp_path]))


def test_kernels_of_the_real_clock_are_not_compared(tmp_path: Path) -> None:
    real = {"kernel": "6.18.44", "hz": 250, "clock": "real"}
    run(tmp_path, "a", {"it_is_so": HOLDS})
    run(tmp_path, "b", {"it_is_so": FAILS}, environment=real)
    assert DIFFERENCES not in shown(read_measurements([tmp_path]))


def test_without_its_measurements_a_document_comes_from_the_claims_alone(tmp_path: Path) -> None:
    run(tmp_path, "a", {"it_is_so": HOLDS, "it_is_not": FAILS})
    with_runs = "\n".join(shown(read_measurements([tmp_path]))) + "\n"
    assert with_runs != render(some(), BOOK.short_versions)
    assert without_measurements(with_runs) == render(some(), BOOK.short_versions)


def catalogue() -> Sequence[LedgerEntry]:
    """The project's own ledger; RequestError if a claim cites an unknown statement."""
    return entries(textbook.read(), (scenario_file.load(name) for name in scenario_file.names()))


def test_every_statement_is_tested_by_a_claim() -> None:
    assert [each.statement.number for each in catalogue() if not each.citations] == []


def test_no_claim_cites_an_unknown_statement() -> None:
    catalogue()


def test_the_kept_ledger_agrees_with_the_claims() -> None:
    kept = (ROOT / "docs" / "ledger.md").read_text()
    assert without_measurements(kept) == render(catalogue(), textbook.read().short_versions), "make ledger"


def test_the_command_writes_the_document(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    done = lab("ledger", tmp_path / "runs", "--out", tmp_path / "ledger.md")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert lab("ledger", tmp_path / "runs").stdout == (tmp_path / "ledger.md").read_text()


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    assert "is a directory" in sentence(lab("ledger", "--out", tmp_path, cwd=tmp_path)).lower()


def test_a_directory_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    error = sentence(lab("ledger", "nowhere", cwd=tmp_path))
    assert "nowhere is not a directory: name a folder with runs in it" in error
