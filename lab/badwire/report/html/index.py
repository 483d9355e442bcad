"""runs/index.html: the runs below a folder, newest first, and a comparison of any two of them."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from badwire.errors import BadRun
from badwire.report.html import page
from badwire.result.result import ClaimResult, Result
from badwire.store import run_folder
from badwire.util import files, locks

IndexEntry = Mapping[str, Any]

FILE = "index.html"
MOST = 500  # runs that are listed; the page says how many older ones are not
_BEGINS = '<script type="application/json" id="data">'
_TEXTS = ("folder", "scenario", "time", "report", "verdict", "badge", "title")
_SHOWN = ("kernel", "hz", "machine", "substrate", "clock", "engine", "seed", "took")


def write(base: Path, reread: bool = False) -> Path:
    """Write the index of the runs below ``base`` atomically, under a lock. Raises OSError.

    ``reread``: read every run again, those in the present index too.
    """
    folder = os.open(base, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks; then the last writer wins
            locks.lock(folder)
        return files.atomic_write(base / FILE, render(base, reread))
    finally:
        os.close(folder)


def render(base: Path, reread: bool = False) -> str:
    """The page."""
    folders = sorted((folder for folder in base.glob("*/*/") if not folder.is_symlink()), key=_age, reverse=True)
    known = {} if reread else _known(base)
    names = [(folder, folder.relative_to(base).as_posix()) for folder in folders[:MOST]]
    listed = [entry for folder, name in names if (entry := known.get(name) or _entry(folder, name))]
    return page.rendered(
        "index.html",
        ("index.js",),
        runs=listed,
        data=page.json_of(listed),
        scenarios=sorted({entry["scenario"] for entry in listed}),
        left_out=max(0, len(folders) - MOST),
    )


def _age(folder: Path) -> tuple[str, int]:
    """The sort key of a run's folder: its name begins with the second in which the run began."""
    return folder.name[:15], folder.stat().st_mtime_ns


def _known(base: Path) -> dict[str, IndexEntry]:
    """The entries of the present index by folder, since reading every run again would take long."""
    try:
        text = (base / FILE).read_text(encoding="utf-8")
        listed = files.parse_json_object(f'{{"runs": {text.partition(_BEGINS)[2].partition("</script>")[0]}}}')["runs"]
        return {entry["folder"]: entry for entry in listed if entry["claims"] and _is_entry(entry)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_entry(entry: IndexEntry) -> bool:
    texts = all(isinstance(entry[name], str) for name in _TEXTS)
    return texts and isinstance(entry["environment"], dict) and isinstance(entry["claims"], list)


def _entry(folder: Path, name: str) -> IndexEntry | None:
    """The entry of a run; None for a folder that is not a run. A run that cannot be read is listed as cut short."""
    if not (folder / "evidence.jsonl").exists():
        return None
    entry: dict[str, Any] = {"folder": name, "scenario": folder.parent.name, "time": folder.name}
    entry["report"] = f"{name}/{page.FILE}" if (folder / page.FILE).exists() else ""
    try:
        result = Result.load(folder)
    except BadRun:
        nothing = {"title": "cut short: there is no result", "environment": {}, "claims": []}
        return {**entry, "verdict": "UNKNOWN", "badge": "UNKNOWN", **nothing}
    return {
        **entry,
        "verdict": result.verdict,
        "badge": page.badge(result),
        "title": result.error or result.title,
        "environment": dict(_environment(result)) | {"real": _real_seconds(folder)},
        "claims": [_claim(one) for one in result.claims if not one.instrument],
    }


def _environment(result: Result) -> Iterator[tuple[str, Any]]:
    environment = result.environment
    yield from ((name, environment.get(name)) for name in _SHOWN)
    for host, settings in environment.get("sysctls", {}).items():
        yield from ((f"{host}: {name}", value) for name, value in settings.items())


def _real_seconds(folder: Path) -> float | None:
    try:
        seconds = files.read_json_object(folder / run_folder.SIGNED).get("real_seconds")
    except (OSError, ValueError):
        return None
    return seconds if isinstance(seconds, float) else None


def _claim(claim: ClaimResult) -> list[str]:
    measured = "; ".join(f"{check.name}: {check.shown or '-'}" for check in claim.checks)
    expected = "; ".join(check.wanted for check in claim.checks)
    return [claim.title, claim.verdict, measured, expected]
