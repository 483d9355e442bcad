"""runs/index.html: all runs below a folder, newest first, and any two of them side by side."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from badwire.errors import BadRun
from badwire.report.html import page
from badwire.result.result import ClaimResult, Result
from badwire.store import run_folder
from badwire.util import files

Entry = Mapping[str, Any]

FILE = "index.html"
MOST = 500  # runs; older ones are there and not listed, and the page says so
_BEGINS = '<script type="application/json" id="data">'
_TEXTS = ("folder", "scenario", "time", "report", "verdict", "badge", "title")
_SHOWN = ("kernel", "hz", "machine", "substrate", "clock", "engine", "seed", "took")


def write(base: Path, anew: bool = False) -> Path:
    """Write the index of the runs below ``base``, whole or not at all, and one after the other. Raises OSError.

    ``anew``: each is read again, also where the index that is there tells of it.
    """
    folder = os.open(base, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks: then the last writer wins
            fcntl.flock(folder, fcntl.LOCK_EX)
        return files.atomic_write(base / FILE, render(base, anew))
    finally:
        os.close(folder)


def render(base: Path, anew: bool = False) -> str:
    """The page."""
    folders = sorted((folder for folder in base.glob("*/*/") if not folder.is_symlink()), key=_age, reverse=True)
    known = {} if anew else _known(base)
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
    """Runs are named after the second in which they began."""
    return folder.name[:15], folder.stat().st_mtime_ns


def _known(base: Path) -> dict[str, Entry]:
    """What the index says already of runs that are over, by their folders: to read each again would take long."""
    try:
        text = (base / FILE).read_text(encoding="utf-8")
        listed = files.parse_json_object(f'{{"runs": {text.partition(_BEGINS)[2].partition("</script>")[0]}}}')["runs"]
        return {entry["folder"]: entry for entry in listed if entry["claims"] and _is_one(entry)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _is_one(entry: Entry) -> bool:
    texts = all(isinstance(entry[name], str) for name in _TEXTS)
    return texts and isinstance(entry["environment"], dict) and isinstance(entry["claims"], list)


def _entry(folder: Path, name: str) -> Entry | None:
    """What the index says of a run; None for a folder that is none. One that cannot be read is listed, and says so."""
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
    ran = result.environment
    yield from ((name, ran.get(name)) for name in _SHOWN)
    for host, settings in ran.get("sysctls", {}).items():
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
