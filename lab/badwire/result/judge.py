"""From evidence and a scenario's claims to a result: the instrument's own claims first, then those about the book.

Which scenario a saved run is of: that of a file as it is today, or none, where somebody had hands on the lab.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from badwire.claims.claim import Judged, judge
from badwire.claims.instrument import CLAIMS as INSTRUMENT
from badwire.claims.verdict import FAILS, unknown
from badwire.errors import BadRun, LabError, RunError, UnknownScenario
from badwire.evidence.evidence import Evidence
from badwire.result.result import Finding, Result, overall, status_of
from badwire.scenario.scenario_file import Declaration, Scenario, load
from badwire.store.records import NS

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


HANDS = "badwire up"  # stands for a scenario's file
FORMER_HANDS = "lab up"  # the same in runs from before the project was called badwire
_LESSON = """A lab that somebody kept up and had hands on. No claim about a book is judged here; what was done, and what
the hosts and the wire made of it, is below."""
BY_HAND = Scenario("up", Path(HANDS), _LESSON, Declaration(lambda lab: None, "A lab kept up by hand"), ())


def scenario_of(folder: Path, file: str, name: str) -> Scenario:
    """By the ``file`` that its result names, if that can be read here, else by the ``name`` in its evidence.

    What is in the run's own ``folder`` came with it, from wherever that came, and is not run. Raises UnknownScenario,
    or RequestError if it is no scenario any more.
    """
    if file in (HANDS, FORMER_HANDS) or (not file and name == BY_HAND.name):
        return BY_HAND
    asked = file if os.path.isfile(file) else name
    if os.path.isfile(asked) and Path(asked).resolve().is_relative_to(folder.resolve()):
        raise UnknownScenario(f"{folder} names a scenario that came with it, {asked}, and that is not run.")
    return load(asked)


def judge_run(
    folder: Path, scenario: Scenario, error: LabError | None = None
) -> tuple[Result, Witnesses, Evidence | None]:
    """The verdicts on a saved run, what each was judged on, and the evidence if it can be read.

    After an error nothing holds or fails: every claim is UNKNOWN, and why. Raises BadRun if there is no error that
    explains why the evidence cannot be read.
    """
    try:
        seen = Evidence.load(folder)
    except BadRun:
        if error is None:
            raise
        seen = None
    return *judgement(scenario, seen, error), seen


def judge_again(folder: Path) -> Result:
    """The verdicts on a saved run, with the claims of its scenario as they are now. Raises BadRun, UnknownScenario."""
    seen = Evidence.load(folder)
    try:
        saved = Result.load(folder).file
    except BadRun:  # a run that was killed has no result, but its evidence names the scenario
        saved = ""
    scenario = scenario_of(folder, saved, seen.meta["scenario"])
    if scenario is BY_HAND:
        raise BadRun(f"{folder} was made by hand and claims nothing; `badwire show {folder}` tells what was.")
    return judgement(scenario, seen, RunError(seen.error) if seen.error is not None else None)[0]
