"""The ledger as a document: what holds and what does not, each with its claims and with what the last runs measured.

Everything that comes from runs stands on lines of its own, so that it can be told whether the rest is up to date.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from lab import options, runs, scenario, textbook
from lab.claims import HOLDS
from lab.errors import BadOption
from lab.ledger import Citation, Entry, Stand, entries
from lab.measured import NOTHING, Kernel, Measured, measured
from lab.report.result import Finding
from lab.report.sentences import sentence
from lab.textbook import Saying

LONGEST = 100  # characters of a measurement that are shown
_FROM_RUNS = re.compile(r"^ *- measured\b.*\n", re.MULTILINE)

INTRODUCTION = """# The ledger

What five course texts say about sockets on Linux, and what Linux says. Each statement stands with the claims that test
it; `make lab SCENARIO=timewait` runs a scenario and shows all of its claims. Made by `make ledger` from the claims and
from the last run of each scenario on each kernel; the statements are those of [textbook.md](textbook.md).
"""


def render(ledger: Sequence[Entry], sayings: Sequence[Saying] = (), found: Measured = NOTHING) -> str:
    """The document, in Markdown."""
    stands = {entry.statement.number: entry for entry in ledger}
    parts = [
        INTRODUCTION,
        "\n".join(_summary(ledger)),
        "\n".join(_runs(ledger, found)),
        "\n".join(_hearsay(sayings, stands)),
        "\n".join(_corrections(ledger)),
    ]
    for chapter, group in groupby(ledger, key=lambda entry: entry.statement.chapter):
        parts += [f"## {chapter}", *("\n".join(_section(entry, found)) for entry in group)]
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def ledger(argv: list[str]) -> int:
    """`lab ledger`: the document, from the claims as they are now and the runs that there are.

    That a statement is not tested, or was measured to be otherwise, is no error: the document says so.
    """
    parser = options.Parser("ledger", "What the course texts say, what the claims say, and what saved runs measured.")
    parser.add_argument("runs", nargs="*", metavar="RUNS", help=f"folders with runs in them; default {runs.DEFAULT}")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there, and not to stdout")
    wants = parser.parse_intermixed_args(argv)
    bases = [Path(each) for each in wants.runs] or [base for base in (runs.DEFAULT,) if base.is_dir()]
    book, found = textbook.read(), measured(bases)
    known = entries(book, (scenario.load(name) for name in scenario.names()))
    document = render(known, book.sayings, found)
    if wants.out is None:
        print(document, end="")
        return 0
    try:
        wants.out.write_text(document, encoding="utf-8")
    except OSError as error:
        raise BadOption(f"{wants.out} cannot be written: {error.strerror}; name another file with --out.") from error
    return 0


def without_measurements(document: str) -> str:
    """The part of a ledger that needs no run: what the claims alone say."""
    return re.sub(r"\n{3,}", "\n\n", _FROM_RUNS.sub("", document))


def _summary(ledger: Sequence[Entry]) -> Iterator[str]:
    statements = [entry for entry in ledger if not entry.statement.about_a_program]
    programs = [entry for entry in ledger if entry.statement.about_a_program]
    yield f"| of {len(statements)} statements | |"
    yield "|---|---|"
    for stand in (Stand.HOLDS, Stand.DEPENDS, Stand.NOT):
        yield f"| {sum(entry.stand is stand for entry in statements)} | {_plural(stand)} |"
    if untested := [entry for entry in statements if entry.stand is Stand.UNTESTED]:
        yield f"| {len(untested)} | no claim tests: {_links(untested)} |"
    if programs:
        run = [entry for entry in programs if entry.citations]
        missing = [entry for entry in programs if not entry.citations]
        rest = f"; no claim is about {_links(missing)}" if missing else ""
        yield f"| {len(run)} of {len(programs)} | programs that the texts build are run{rest} |"


def _plural(stand: Stand) -> str:
    return {Stand.HOLDS: "hold", Stand.DEPENDS: "depend", Stand.NOT: "do not hold"}.get(stand, str(stand))


def _runs(ledger: Sequence[Entry], found: Measured) -> Iterator[str]:
    for kernel in found.kernels:
        count = found.scenarios(kernel)
        many = f"{count} scenario{'s' * (count != 1)}"
        yield f"- measured on {kernel}, HZ {kernel.hz}, by the {kernel.clock} clock: {many}"
    for entry in ledger:
        for citation in entry.citations:
            for kernel, finding in _of(citation, found):
                if finding.verdict != HOLDS:
                    link = _link(entry.statement.number)
                    yield f"- measured otherwise, or not at all: {link} in {citation.scenario.name} on {kernel}"


def _hearsay(sayings: Iterable[Saying], stands: dict[str, Entry]) -> Iterator[str]:
    known = [saying for saying in sayings if saying.number in stands]
    if known:
        yield from ("## As it is often heard", "", "| they say | | what is so |", "|---|---|---|")
    for saying in known:
        entry = stands[saying.number]
        contrary = saying.against and entry.stand in (Stand.HOLDS, Stand.DEPENDS)
        so = entry.statement.text if contrary else "; ".join(entry.instead) or entry.statement.text
        stand = Stand.NOT if contrary else entry.stand
        yield f"| {saying.text} | {stand} | {_cell(so)} ({_link(saying.number)}) |"


def _corrections(ledger: Iterable[Entry]) -> Iterator[str]:
    wrong = [entry for entry in ledger if entry.stand in (Stand.NOT, Stand.DEPENDS)]
    if wrong:
        yield from ("## What does not hold, or depends", "", "| | the texts | |", "|---|---|---|")
    for entry in sorted(wrong, key=lambda entry: list(Stand).index(entry.stand)):
        what = f"{entry.stand}: {'; '.join(entry.instead)}"
        yield f"| {_link(entry.statement.number)} | {_cell(entry.statement.text)} | {_cell(what)} |"


def _section(entry: Entry, found: Measured) -> Iterator[str]:
    number = entry.statement.number
    stand = f" {entry.stand}" if not entry.statement.about_a_program or not entry.citations else ""
    yield f'### <a id="{number}"></a>{number}{stand}'
    yield ""
    yield f"> {entry.statement.text}"
    yield ""
    for citation in entry.citations:
        name = citation.scenario.name
        mark = "" if citation.stand is entry.stand else f" ({citation.stand})"
        told = f": {citation.instead}" if citation.instead else ""
        yield f"- [{name}](../scenarios/{name}.py): *{sentence(citation.claim.sentence, begins=False)}*{mark}{told}"
        if findings := _of(citation, found):
            yield f"  - measured: {_measurements(findings)}"


def _of(citation: Citation, found: Measured) -> tuple[tuple[Kernel, Finding], ...]:
    return found.findings(citation.scenario.name, citation.claim.name)


def _measurements(findings: Iterable[tuple[Kernel, Finding]]) -> str:
    """What each kernel gave; kernels that gave the same stand together."""
    by_text: dict[str, list[Kernel]] = {}
    for kernel, finding in findings:
        by_text.setdefault(_measurement(finding), []).append(kernel)
    return "; ".join(f"{text} ({', '.join(map(str, kernels))})" for text, kernels in by_text.items())


def _measurement(finding: Finding) -> str:
    if finding.verdict == HOLDS:
        return _code(finding.shown)
    reason = finding.why or f"expected {finding.expected}"
    return f"**{finding.verdict}** {_code(finding.shown)} {_shortened(reason)}".replace("  ", " ")


def _code(text: str) -> str:
    return f"`{_shortened(text).replace('`', chr(39))}`" if text else ""


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3].rstrip() + "..."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _link(number: str) -> str:
    return f"[{number}](#{number})"


def _links(entries: Iterable[Entry]) -> str:
    return ", ".join(_link(entry.statement.number) for entry in entries)
