"""Runs' folders as `badwire run` leaves them, and ways to damage one."""

from collections.abc import Callable
from pathlib import Path

from badwire.store.reader import FORMAT
from tests.claims.written import Written, sock

Damage = Callable[[Path], object]
SCENARIO = '''"""A lesson of its own."""
from badwire.claims import RFC, claim, equals
from badwire.scenario import scenario
@scenario("A thing happens")
def run(lab):
    pass
@claim("Three segments pass", RFC("9293", "3.5"))
def three_segments_pass(run):
    yield equals("segments", len(run.segments()), 3)
'''


def saved(base: Path, scenario: str | None = None, ended: bool = True) -> Path:
    """A run's folder as `badwire run` leaves it, of a scenario whose file lies beside it."""
    file = base / "thing.py"
    file.write_text(SCENARIO)
    folder = base / "runs" / "thing" / "20260101-000000"
    w = Written(scenario=scenario or str(file))
    w.note(0.05, "a note")
    w.segment("client", "server", 0.1, "S", seq=100)
    w.segment("server", "client", 0.2, "SA", seq=500, ack=101)
    w.segment("client", "server", 0.3, "A", seq=101, ack=501)
    w.sample("client", 0.15, [sock("SYN_SENT", 40001, 7000)])
    w.sample("server", 0.15, [sock("LISTEN", 7000)])
    w.sample("client", 0.25, [sock("ESTABLISHED", 40001, 7000)])
    w.fault(0.4, "server", {"name": "nth", "n": 1})
    w.call("client", 0.1, "connect", ["10.0.0.2", 7000], took=0.1)
    w.program("server", 0.01, "shout", "7000", exits=0.02, out="hello\n")
    w.evidence(folder, ended)
    return folder


def lines(folder: Path) -> list[str]:
    return (folder / "evidence.jsonl").read_text().splitlines(keepends=True)


def put(folder: Path, *lines: str) -> None:
    (folder / "evidence.jsonl").write_text("".join(lines))


def another_format(folder: Path) -> None:
    """Of a later version: the notes have another name."""
    first, *rest = lines(folder)
    put(
        folder,
        first.replace(f'"format":{FORMAT}', f'"format":{FORMAT + 1}'),
        *(line.replace('"text":"a note"', '"says":1') for line in rest),
    )


def without_a_beginning(folder: Path) -> None:
    put(folder, *lines(folder)[1:])


def without_a_call(folder: Path) -> None:
    """Each remaining line is valid."""
    left = [line for line in lines(folder) if '"kind":"call"' not in line]
    assert len(left) == len(lines(folder)) - 1
    put(folder, *left)


def without_a_sample(folder: Path) -> None:
    """The last record says so too: only the client's next sample shows it."""
    text = "".join(lines(folder)).replace('"sample":3', '"sample":2')
    first, *others = [line for line in text.splitlines(keepends=True) if '"kind":"sample"' in line]
    put(folder, text.replace(first, ""))
    assert '"host":"client"' in first
    assert len(others) == 2


def late_beginning(folder: Path) -> None:
    first, second, *rest = lines(folder)
    put(folder, second, first, *rest)


def wrong_values(folder: Path) -> None:
    """Each line is valid JSON."""
    wrong = {'"state":"SYN_SENT"': '"state":[]', '"event":"start"': '"event":"signal"', '"stream":"out"': '"stream":1'}
    text = "".join(lines(folder))
    for right, instead in wrong.items():
        assert right in text
        text = text.replace(right, instead)
    put(folder, text)


def garbage_lines(folder: Path) -> None:
    first, *rest = lines(folder)
    put(
        folder,
        first,
        "garbage\n",
        "[]\n",
        '{"kind":"sample","t":1}\n',
        '{"kind":"x","host":"\\ud800"}\n',
        "[" * 99999,
        "\n",
        *rest,
    )


def cut_in_a_line(folder: Path) -> None:
    """As a full disk or a killed run leaves it: the last complete line is not the end record."""
    path = folder / "evidence.jsonl"
    path.write_bytes(path.read_bytes()[:-60])
    *most, _ = lines(folder)
    put(folder, *most, '{"kind":"no')


def killed(folder: Path) -> None:
    put(folder, *lines(folder)[:-2])


def no_text(folder: Path) -> None:
    (folder / "evidence.jsonl").write_bytes(bytes(range(256)) * 40)


def no_capture(folder: Path) -> None:
    (folder / "frames.pcapng").unlink()


def bad_capture(folder: Path) -> None:
    (folder / "frames.pcapng").write_text("this is no capture")


def cut_capture(folder: Path) -> None:
    path = folder / "frames.pcapng"
    path.write_bytes(path.read_bytes()[:-9])


def a_folder_for_a_capture(folder: Path) -> None:
    (folder / "frames.pcapng").unlink()
    (folder / "frames.pcapng").mkdir()


def no_evidence(folder: Path) -> None:
    (folder / "evidence.jsonl").unlink()


def empty_evidence(folder: Path) -> None:
    put(folder)


# What was done to the folder, what the page says of it, how many arrows can still be drawn.
DAMAGES = [
    (another_format, f"has format {FORMAT + 1}, this version reads {FORMAT}", 3),
    (without_a_beginning, "does not say what was run", 3),
    (late_beginning, "does not begin with what was run", 3),
    (wrong_values, "are not records of evidence", 3),
    (garbage_lines, "lines 2, 3, 4, 6, are not records of evidence", 3),
    (without_a_call, "does not have all records that were written: 1 of the kind call missing", 3),
    (without_a_sample, "The sockets of client cannot be shown: sample 2 is where sample 1 should be", 3),
    (cut_in_a_line, "evidence.jsonl has no end", 3),
    (killed, "evidence.jsonl has no end", 3),
    (no_text, "has no valid record", 0),
    (no_capture, "There is no frames.pcapng", 0),
    (bad_capture, "frames.pcapng is not a pcapng file", 0),
    (cut_capture, "frames.pcapng is cut short", 3),
    (a_folder_for_a_capture, "Is a directory", 0),
    (no_evidence, "evidence.jsonl cannot be read (No such file or directory)", 0),
    (empty_evidence, "has no valid record", 0),
]
