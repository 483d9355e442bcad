"""From evidence and a scenario's claims to a result: the instrument's own claims first, then those about the book."""

from collections.abc import Iterator, Mapping
from typing import Any

from lab.claims import FAILS, Judged, judge, unknown
from lab.errors import LabError
from lab.evidence import NS, Evidence
from lab.instrument import CLAIMS as INSTRUMENT
from lab.report.result import Finding, Result, overall, status_of
from lab.scenario import Scenario

Witnesses = Mapping[str, tuple[int, ...]]


def judgement(scenario: Scenario, seen: Evidence | None, error: LabError | None = None) -> tuple[Result, Witnesses]:
    """Judge what was seen. After an error, or with an instrument that fails, no claim about the book holds or fails.

    `seen` is None when not even the evidence can be read, which takes an error to explain it.
    """
    judged: list[Judged] = []
    if seen is None or error is not None:
        why = f"the run broke off: {error}" if error is not None else "there is no evidence"
        findings = [Finding.of(Judged(claim, unknown(why))) for claim in scenario.claims]
    else:
        lab, text = judge(INSTRUMENT, seen), judge(scenario.claims, seen)
        judged += text
        instrument = [Finding.of(each, instrument=True) for each in lab]
        book = [Finding.of(each) for each in text]
        lame = next((one for one in instrument if one.verdict == FAILS.value), None)
        if lame is not None:
            book = [one.unknown(f"the instrument failed ({lame.sentence})") for one in book]
        findings = book + instrument
    verdict = overall(findings)
    result = Result(
        scenario=scenario.name,
        title=scenario.title,
        file=str(scenario.file),
        verdict=verdict.value,
        status=status_of(verdict) if error is None else error.exit_status,
        claims=tuple(findings),
        environment=environment(seen) if seen is not None else {},
        error=str(error) if error is not None else None,
    )
    return result, _witnesses(judged, seen)


def _witnesses(judged: list[Judged], seen: Evidence | None) -> Witnesses:
    """For each claim about the book the frames that it was judged on, by their places among all."""
    places = {id(frame): place for place, frame in enumerate(seen.frames() or ())} if seen is not None else {}
    on = {each.claim.name: (places.get(id(frame)) for frame in each.on) for each in judged}
    return {name: tuple(sorted(place for place in found if place is not None)) for name, found in on.items()}


def environment(seen: Evidence) -> dict[str, Any]:
    """On what and how the run was made. `engines_used` are those that carried out a fault; `took` is in seconds."""
    facts = {host: seen.facts(host) for host in seen.hosts if any(_about(seen, host))}
    any_host = next(iter(facts.values()), None)
    faults = seen.faults() or ()
    return {
        "kernel": any_host.release if any_host else None,
        "hz": any_host.hz if any_host else None,
        "machine": any_host.machine if any_host else None,
        **{key: seen.meta.get(key) for key in ("substrate", "clock", "engine")},
        "engines_used": sorted({fault.engine for fault in faults}),
        "seed": seen.meta.get("seed"),
        "hosts": dict(seen.hosts),
        "sysctls": {host: dict(fact.sysctls) for host, fact in facts.items()},
        "took": (seen.records[-1].get("t", seen.meta["t"]) - seen.meta["t"]) / NS,
    }


def _about(seen: Evidence, host: str) -> Iterator[bool]:
    """Whether a host came as far as to say what it is: a run may break off before."""
    return (record["kind"] == "facts" and record["host"] == host for record in seen.records)
