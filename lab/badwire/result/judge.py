"""From evidence and a scenario's claims to a result, and which scenario a saved run is of."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from badwire.claims.check import FAILS, unknown
from badwire.claims.claim import Claim, Judged, judge
from badwire.claims.instrument import CLAIMS as INSTRUMENT
from badwire.errors import BadRun, LabError, RunError, UnknownScenario
from badwire.evidence.evidence import Evidence
from badwire.result.result import ClaimResult, Result, overall, status_of
from badwire.scenario.scenario_file import Declaration, Scenario, load
from badwire.store.records import NS, NotRecorded
from badwire.util.message import Message

FramesOfClaims = Mapping[str, tuple[int, ...]]


def judgement(scenario: Scenario, run: Evidence | None, error: LabError | None = None) -> tuple[Result, FramesOfClaims]:
    """Judge the evidence. After an error, or with an instrument that fails, no claim of the scenario holds or fails.

    ``run`` is None when not even the evidence can be read, which takes an error to explain it.
    """
    frames: FramesOfClaims = {}
    if run is None or error is not None:
        claims = [_not_judged(claim, error) for claim in scenario.claims]
    else:
        judged = judge(scenario.claims, run)
        frames = _frames(judged, run)
        claims = _with_instrument([ClaimResult.of(each) for each in judged], judge(INSTRUMENT, run))
    verdict = overall(claims)
    result = Result(
        scenario=scenario.name,
        title=scenario.title,
        file=str(scenario.file),
        verdict=verdict.value,
        status=status_of(verdict) if error is None else error.exit_status,
        claims=tuple(claims),
        environment=environment(run) if run is not None else {},
        error=str(error) if error is not None else None,
    )
    return result, frames


def _not_judged(claim: Claim, error: LabError | None) -> ClaimResult:
    """A claim on a run that broke off, or without evidence."""
    if error is not None:
        check = unknown("the run", Message("it broke off: {error}", {"error": str(error)}))
    else:
        check = unknown("the run", "there is no evidence")
    return ClaimResult.of(Judged(claim, (check,)))


def _with_instrument(claims: list[ClaimResult], about_the_lab: Iterable[Judged]) -> list[ClaimResult]:
    """The scenario's claims, unknown where the lab failed, and those about the lab."""
    instrument = [ClaimResult.of(each, instrument=True) for each in about_the_lab]
    for each in instrument:
        if each.verdict == FAILS.value:
            why = Message("the lab itself failed: {title}", {"title": each.title})
            return [claim.unknown("the lab", why) for claim in claims] + instrument
    return claims + instrument


def _frames(judged: Iterable[Judged], run: Evidence) -> FramesOfClaims:
    """For each claim the frames that it was judged on, by their places among all."""
    places = {id(frame): place for place, frame in enumerate(run.frames())}
    found = {}
    for each in judged:
        mine = (places.get(id(frame)) for frame in each.frames)
        found[each.claim.name] = tuple(sorted(place for place in mine if place is not None))
    return found


def environment(run: Evidence) -> dict[str, Any]:
    """On what and how the run was made. ``engines_used`` carried out a fault; ``took`` is in seconds."""
    facts = {}
    for host in run.hosts:
        try:
            facts[host] = run.host(host).facts
        except NotRecorded:  # a run may break off before a host has said what it is
            continue
    any_host = next(iter(facts.values()), None)
    return {
        "kernel": any_host.release if any_host else None,
        "hz": any_host.hz if any_host else None,
        "machine": any_host.machine if any_host else None,
        "substrate": run.meta.get("substrate"),
        "clock": run.meta.get("clock"),
        "engine": run.meta.get("engine"),
        "engines_used": sorted({each.engine for each in run.faults()}),
        "seed": run.meta.get("seed"),
        "hosts": dict(run.hosts),
        "sysctls": {host: dict(fact.sysctls) for host, fact in facts.items()},
        "took": (run.records[-1].get("t", run.meta["t"]) - run.meta["t"]) / NS,
    }


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


def judge_again(folder: Path) -> Result:
    """The verdicts on a saved run, with the claims of its scenario as they are now. Raises BadRun, UnknownScenario."""
    run = Evidence.load(folder)
    try:
        saved = Result.load(folder).file
    except BadRun:  # a run that was killed has no result, but its evidence names the scenario
        saved = ""
    scenario = scenario_of(folder, saved, run.meta["scenario"])
    if scenario is BY_HAND:
        raise BadRun(f"{folder} was made by hand and claims nothing; `badwire show {folder}` tells what was.")
    return judgement(scenario, run, RunError(run.error) if run.error is not None else None)[0]
