"""What `badwire run` writes for a CI: JUnit and a Markdown summary, however the runs end."""

import re
import signal
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from badwire.claims import RFC, Check, Checks, Judged, claim, equals
from badwire.cli.ci_files import CiFiles
from badwire.errors import BadOption, DiskFull, NoSubstrate, RunError
from badwire.evidence import Evidence
from badwire.pytest_plugin import require
from badwire.report import junit, markdown
from badwire.result.result import ClaimResult, Result, Run
from badwire.run.finish import not_run
from badwire.scenario import scenario_file
from tests.command_line import lab, sentence, story
from tests.conftest import lack_of
from tests.end_to_end.running import Running, until

EVIL = "</failure><b>|`*_$[x](y)\\ \0\x1b[31m\ud800"
GOOD, MIXED = (scenario_file.load(str(story(name))) for name in ("good", "mixed"))


@pytest.fixture
def namespaces() -> None:
    if (lack := lack_of("netns")) is not None:
        require.lacking(str(lack), {"netns"})


def ended(check: Check, error: str | None = None) -> Run:
    """A run with one claim, which has this one check."""

    @claim("It is so", RFC("9293", "3.5"))
    def it_is_so(run: Evidence) -> Checks:
        yield check

    judged = ClaimResult.of(Judged(it_is_so, (check,)))
    status = 0 if judged.verdict == "HOLDS" else 1
    result = Result("good", "A title", "stories/good.py", judged.verdict, status, (judged,), {}, error)
    return Run(Path("runs/good/1"), result, None)


def cells(document: str) -> list[list[str]]:
    """The rows of all tables, as a reader of GitHub's Markdown takes them apart."""
    rows = [line for line in document.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


@pytest.mark.usefixtures("namespaces")
def test_each_claim_is_told_as_pytest_tells_it(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("what stood there\n")
    files = ("--junit", tmp_path / "junit.xml", "--summary", tmp_path / "summary.md")
    done = lab("run", story("good"), story("mixed"), "--substrate", "netns", "--out", tmp_path / "runs", *files)
    assert done.returncode == 1
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert [(each.get("name"), each.get("failures"), each.get("errors")) for each in suites] == [
        ("good", "0", "0"),
        ("mixed", "1", "1"),
    ]
    cases = {(each.get("classname"), each.get("name")): each for each in suites.iter("testcase")}
    case = cases["stories.mixed", "one_segment_is_enough"]
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties["verdict"] == "FAILS"
    assert properties["checks"] == "FAILS segments sent: 2 segments, expected 1 segment"
    assert Path(str(properties["run"]), "result.json").is_file() and properties["source"] == "RFC 9293 section 3.10.7.1"
    failure, error = case.find("failure"), cases["stories.mixed", "a_datagram_was_sent"].find("error")
    assert failure is not None and "segments sent  2 segments  expected 1 segment" in str(failure.text)
    assert error is not None and error.get("type") == "UNKNOWN"
    assert ("stories.good", "instrument:capture_complete") in cases

    document = (tmp_path / "summary.md").read_text()
    assert document.startswith("what stood there\n### badwire: 2 scenarios: 1 held, 1 failed\n")
    rows = cells(document)
    assert ["HOLDS", "good"] in [row[:2] for row in rows] and ["**FAILS**", "mixed"] in [row[:2] for row in rows]
    assert [
        "**FAILS**",
        "mixed: One segment is enough",
        "segments sent",
        "2 segments",
        "1 segment",
        "RFC 9293 section 3.10.7.1",
    ] in rows


def test_what_a_program_said_stays_text() -> None:
    run = ended(equals("what it wrote", EVIL, "else"))
    text = junit.render([(GOOD, run)])
    (case,) = ElementTree.fromstring(text).iter("testcase")
    shown = next(one.get("value") for one in case.iter("property") if one.get("name") == "checks")
    assert "</failure><b>|`*_$[x](y)\\ \ufffd\ufffd[31m\ufffd" in str(shown)
    assert case.find("b") is None
    row = cells(markdown.render([(GOOD, run)]))[-1]
    assert len(row) == 6 and "\\<b\\>&#124;\\`\\*\\_\\$\\[x\\](y)\\\\" in row[3]


def test_a_run_that_broke_off_and_one_that_could_not_be() -> None:
    broke = ended(equals("length", None, 1), error="the wire fell silent.")
    outcomes = [(GOOD, broke), (MIXED, not_run(MIXED, NoSubstrate("There is no place for hosts here.")))]
    suites = ElementTree.fromstring(junit.render(outcomes))
    assert [each.get("errors") for each in suites] == ["1", "1"]
    error = suites.find(".//testcase[@name='mixed']/error")
    assert error is not None and error.get("message") == "There is no place for hosts here."
    document = markdown.render(outcomes)
    assert "the wire fell silent." in document and "There is no place for hosts here." in document
    assert "1 could not be run" in document and "does not hold" not in document


def test_what_was_not_run_is_named_with_its_reason(tmp_path: Path) -> None:
    files = tmp_path / "junit.xml", tmp_path / "summary.md"
    with pytest.raises(RunError), CiFiles([GOOD, MIXED], {"good": "it takes hours."}, *files):
        raise RunError("all fell silent.")
    skipped = {each.get("name"): each.find("skipped") for each in ElementTree.parse(files[0]).iter("testcase")}
    reasons = {name: each.get("message") for name, each in skipped.items() if each is not None}
    assert reasons == {"good": "it takes hours.", "mixed": "the runs ended before: all fell silent."}
    assert "- good has no result: it takes hours.\n" in files[1].read_text()


def test_without_files_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with CiFiles([GOOD], {}, None, None) as ci_files:
        ci_files.add((GOOD, ended(equals("length", 1, 1))))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--junit", "--summary"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_run(tmp_path: Path, option: str) -> None:
    done = lab("run", story("good"), "--out", tmp_path / "runs", option, tmp_path / "none" / "file")
    assert "file cannot be written: No such file or directory; name another file." in sentence(done)
    assert done.returncode == 2 and not (tmp_path / "runs").exists()


def test_a_full_disk() -> None:
    full = Path("/dev/full")
    message = r"^/dev/full cannot be written: No space left on device; make room and run again\.$"
    with pytest.raises(DiskFull, match=message), CiFiles([], {}, full, None):
        pass
    with pytest.raises(BadOption, match="the first"), CiFiles([], {}, None, full):
        raise BadOption("the first cause is the one to tell")


@pytest.mark.usefixtures("namespaces")
def test_interrupted_it_tells_how_far_it_came(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    with Running("good endless", "netns", tmp_path / "runs", "--summary", str(file)) as run:
        found = until(lambda: list(run.out.glob("endless/*/evidence.jsonl")), "evidence")[0]
        until(lambda: '"LISTEN"' in found.read_text(), "a listener")
        run.process.send_signal(signal.SIGINT)
        status, _, _ = run.end()
    assert status == 130
    document = file.read_text()
    assert "badwire: 1 scenario: 1 held" in document and "- endless has no result: the runs ended before:" in document
