"""runs/index.html: the runs below a folder, newest first, and a comparison of any two of them."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from badwire.errors import BadRun
from badwire.report.describe import subject_text
from badwire.report.html import page
from badwire.result.result import ClaimResult, Result
from badwire.store import run_folder
from badwire.util import files, locks

IndexEntry = Mapping[str, Any]

FILE = "index.html"
MOST = 500  # runs that are listed; the page says how many older ones are not
_BEGINS = '<script type="application/json" id="data">'
_ENDS = "</script>"
_TEXTS = (
    "folder",
    "scenario",
    "time",
    "report",
    "verdict",
    "badge",
    "title",
)
_SHOWN = (
    "kernel",
    "hz",
    "machine",
    "substrate",
    "clock",
    "engine",
    "seed",
    "took",
)


def write(base: Path, reread: bool = False) -> Path:
    """Write the index of the runs below ``base`` atomically, under a lock. Raises OSError.

    ``reread``: read every run again, those in the current index too.
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
    folders = [folder for folder in base.glob("*/*/") if not folder.is_symlink()]
    folders.sort(key=_age, reverse=True)
    known = {} if reread else _known(base)
    entries: list[IndexEntry] = []
    for folder in folders[:MOST]:
        name = folder.relative_to(base).as_posix()
        entry = known.get(name) or _entry(folder, name)
        if entry is not None:
            entries.append(entry)
    scenarios = {entry["scenario"] for entry in entries}
    return page.rendered(
        "index.html",
        ("index.js",),
        runs=entries,
        data=page.json_of(entries),
        scenarios=sorted(scenarios),
        left_out=max(0, len(folders) - MOST),
    )


def _age(folder: Path) -> tuple[str, int]:
    """The sort key of a run's folder: its name begins with the second in which the run began."""
    return folder.name[:15], folder.stat().st_mtime_ns


def _known(base: Path) -> dict[str, IndexEntry]:
    """The entries of the current index by folder, since reading every run again would take long."""
    try:
        text = (base / FILE).read_text(encoding="utf-8")
        _, _, after = text.partition(_BEGINS)
        data, _, _ = after.partition(_ENDS)
        index = files.parse_json_object(f'{{"runs": {data}}}')
        known = {}
        for entry in index["runs"]:
            if entry["claims"] and _is_entry(entry):
                known[entry["folder"]] = entry
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return known


def _is_entry(entry: IndexEntry) -> bool:
    for name in _TEXTS:
        if not isinstance(entry[name], str):
            return False
    return isinstance(entry["environment"], dict) and isinstance(entry["claims"], list)


def _entry(folder: Path, name: str) -> IndexEntry | None:
    """The entry of a run; None for a folder that is not a run. A run that cannot be read is listed as cut short."""
    if not (folder / "evidence.jsonl").exists():
        return None
    has_report = (folder / page.FILE).exists()
    entry: dict[str, Any] = {
        "folder": name,
        "scenario": folder.parent.name,
        "time": folder.name,
        "report": f"{name}/{page.FILE}" if has_report else "",
    }
    try:
        result = Result.load(folder)
    except BadRun:
        entry["verdict"] = "UNKNOWN"
        entry["badge"] = "UNKNOWN"
        entry["title"] = "cut short: there is no result"
        entry["environment"] = {}
        entry["claims"] = []
        return entry
    entry["verdict"] = result.verdict
    entry["badge"] = page.badge(result)
    entry["title"] = result.error or result.title
    entry["environment"] = _environment(result, folder)
    entry["claims"] = [_claim(claim) for claim in result.claims if not claim.instrument]
    return entry


def _environment(result: Result, folder: Path) -> dict[str, Any]:
    """What two runs are compared by, besides their claims."""
    environment = result.environment
    compared: dict[str, Any] = {}
    for name in _SHOWN:
        compared[name] = environment.get(name)
    for host, settings in environment.get("sysctls", {}).items():
        for name, value in settings.items():
            compared[f"{host}: {name}"] = value
    for name, value in environment.get("parameters", {}).items():
        compared[f"parameter {name}"] = value
    for name, value in environment.get("subjects", {}).items():
        compared[f"subject {name}"] = subject_text(name, value)
    for name, value in environment.get("env", {}).items():
        compared[f"env {name}"] = value
    compared["real"] = _real_seconds(folder)
    return compared


def _real_seconds(folder: Path) -> float | None:
    """How long the run took in real time; None if that is not known."""
    try:
        signature = files.read_json_object(folder / run_folder.SIGNED)
    except (OSError, ValueError):
        return None
    seconds = signature.get("real_seconds")
    return seconds if isinstance(seconds, float) else None


def _claim(claim: ClaimResult) -> list[str]:
    """Title, verdict, measured and expected, as index.js takes them."""
    measured = []
    expected = []
    for check in claim.checks:
        value = check.shown or "-"
        measured.append(f"{check.name}: {value}")
        expected.append(check.wanted)
    return [
        claim.title,
        claim.verdict,
        "; ".join(measured),
        "; ".join(expected),
    ]
