"""From evidence and a scenario's claims to the result of a run, and the scenario that a saved run belongs to.

The verdict of one claim is made in ``badwire.claims.claim``. Here they become one result, in which the claims of the
scenario are UNKNOWN if the run ended with an error or a claim about the lab itself FAILS.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from badwire.claims.check import FAILS, unknown
from badwire.claims.claim import Claim, Judged, judge
from badwire.claims.instrument import CLAIMS as INSTRUMENT
from badwire.errors import BadRun, LabError, RunError, UnknownScenario
from badwire.evidence.evidence import Evidence
from badwire.result.result import ClaimResult, Result, overall, status_of
from badwire.scenario import tested
from badwire.scenario.scenario_file import Declaration, Scenario, load
from badwire.store.records import NS, Facts, NotRecorded
from badwire.util import project
from badwire.util.sentence import Sentence

FramesOfClaims = Mapping[str, tuple[int, ...]]


def judgement(
    scenario: Scenario,
    run: Evidence | None,
    error: LabError | None = None,
) -> tuple[Result, FramesOfClaims]:
    """Judge the evidence. After an error, or if the lab itself failed, all claims of the scenario are unknown.

    Args:
        scenario: its claims are judged.
        run: the evidence; None if it cannot be read, then there is an error.
        error: why the run ended early; None if it did not.

    Returns:
        The result, and for each claim the frames that it was judged on.
    """
    frames: FramesOfClaims = {}
    if run is None or error is not None:
        claims = [_not_judged(claim, error) for claim in scenario.claims]
    else:
        judged = judge(scenario.claims, run)
        frames = _frames(judged, run)
        own = [ClaimResult.of(claim) for claim in judged]
        about_the_lab = judge(INSTRUMENT, run)
        claims = _with_instrument(own, about_the_lab)
    verdict = overall(claims)
    result = Result(
        scenario=scenario.name,
        title=scenario.title,
        file=_file_of(scenario),
        verdict=verdict.value,
        status=status_of(verdict),
        claims=tuple(claims),
        environment={} if run is None else environment(run),
    )
    if error is not None:
        result = replace(result, status=error.exit_status, error=str(error))
    return result, frames


def _not_judged(claim: Claim, error: LabError | None) -> ClaimResult:
    """A claim on a run that ended early, or without evidence."""
    why = Sentence("there is no evidence")
    if error is not None:
        why = Sentence("the run ended early: {error}", {"error": str(error)})
    check = unknown("the run", why)
    judged = Judged(claim, (check,))
    return ClaimResult.of(judged)


def _with_instrument(claims: list[ClaimResult], judged: Iterable[Judged]) -> list[ClaimResult]:
    """The scenario's claims, all unknown if the lab itself failed, and then the claims about the lab."""
    about_the_lab = [ClaimResult.of(claim, instrument=True) for claim in judged]
    failed = [claim for claim in about_the_lab if claim.verdict == FAILS.value]
    if failed:
        why = Sentence("the lab itself failed: {title}", {"title": failed[0].title})
        claims = [claim.unknown("the lab", why) for claim in claims]
    return claims + about_the_lab


def _frames(judged: Iterable[Judged], run: Evidence) -> FramesOfClaims:
    """For each claim the frames that it was judged on, as indexes into all frames of the run."""
    index_of: dict[int, int] = {}
    for index, frame in enumerate(run.frames()):
        index_of[id(frame)] = index
    frames_of = {}
    for judged_claim in judged:
        indexes = []
        for frame in judged_claim.frames:
            if id(frame) in index_of:
                indexes.append(index_of[id(frame)])
        indexes.sort()
        name = judged_claim.claim.name
        frames_of[name] = tuple(indexes)
    return frames_of


def environment(run: Evidence) -> dict[str, Any]:
    """The environment of a run, as result.json has it; what was not recorded is None.

    ``engines_used`` are the engines that carried out a fault, and ``not_seeded`` those of them that drew random numbers
    from elsewhere than the seed; ``took`` is the run's duration in seconds.
    """
    facts = {}
    for host in run.hosts:
        with suppress(NotRecorded):  # a run may end before a host has reported its facts
            facts[host] = run.host(host).facts
    kernel = _kernel(list(facts.values()))
    engines = {fault.engine for fault in run.faults()}
    not_seeded: set[str] = set()
    if run.meta.get("clock") == "real":  # the virtual clock's kernel has all of its randomness from the seed
        not_seeded = {fault.engine for fault in run.faults() if not fault.seeded}
    sysctls = {}
    for host, host_facts in facts.items():
        sysctls[host] = dict(host_facts.sysctls)
    began = run.meta["t"]
    ended = run.records[-1].get("t", began)
    return {
        **kernel,
        "substrate": run.meta.get("substrate"),
        "clock": run.meta.get("clock"),
        "engine": run.meta.get("engine"),
        "engines_used": sorted(engines),
        "not_seeded": sorted(not_seeded),
        "seed": run.meta.get("seed"),
        "lang": run.meta.get("lang"),
        "compiler": run.meta.get("compiler"),
        "parameters": dict(run.parameters),
        "subjects": dict(run.subjects),
        "env": dict(run.env),
        "hosts": dict(run.hosts),
        "further": dict(run.further),
        "sysctls": sysctls,
        "took": (ended - began) / NS,
    }


def _kernel(facts: Sequence[Facts]) -> dict[str, Any]:
    """The kernel that all hosts share."""
    if not facts:
        return {"kernel": None, "hz": None, "machine": None}
    any_host = facts[0]
    return {
        "kernel": any_host.release,
        "hz": any_host.hz,
        "machine": any_host.machine,
    }


INTERACTIVE_FILE = "badwire up"  # in place of a scenario's file
FORMER_INTERACTIVE_FILE = "lab up"  # the same in runs that are older than the name badwire
_LESSON = """A lab that was kept up for interactive use. It has no claims of a scenario; what was done, and what the
hosts and the wire did, is shown below."""
_NO_SCRIPT = Declaration(lambda lab: None, "A lab for interactive use")
INTERACTIVE = Scenario(
    name="up",
    file=Path(INTERACTIVE_FILE),
    lesson=_LESSON,
    declared=_NO_SCRIPT,
    claims=(),
)


def scenario_of(folder: Path, file: str, name: str) -> Scenario:
    """The scenario of a saved run: the ``file`` in its result, if that exists here, else the ``name`` in its evidence.

    A relative ``file`` is one of the project's. A file inside the run's own ``folder`` is not loaded, since the folder
    may come from anywhere.

    Raises:
        UnknownScenario: there is no such scenario, or its file is in the run's folder.
        RequestError: the file is no longer a scenario.
    """
    if file in (INTERACTIVE_FILE, FORMER_INTERACTIVE_FILE):
        return INTERACTIVE
    if not file and name == INTERACTIVE.name:
        return INTERACTIVE
    if tested.is_of_tests(file, name):
        return tested.tested(name)
    path = os.path.join(project.ROOT, file)
    to_load = path if os.path.isfile(path) else name
    if os.path.isfile(to_load) and _is_inside(to_load, folder):
        raise UnknownScenario(
            f"{folder} names a scenario inside itself, {to_load}, which is not loaded; copy that file elsewhere first."
        )
    return load(to_load)


def _file_of(scenario: Scenario) -> str:
    """The scenario's file as the result names it: relative for the catalogue, so that it is the same in any clone."""
    if scenario.file.parent in (project.SCENARIOS, project.EXERCISES):
        return str(scenario.file.relative_to(project.ROOT))
    return str(scenario.file)


def _is_inside(file: str, folder: Path) -> bool:
    path = Path(file).resolve()
    return path.is_relative_to(folder.resolve())


def judge_again(folder: Path) -> Result:
    """The verdicts on a saved run, with the claims of its scenario as they are now. Raises BadRun, UnknownScenario."""
    run = Evidence.load(folder)
    file = ""
    with suppress(BadRun):  # a run that was killed has no result, but its evidence names the scenario
        file = Result.load(folder).file
    scenario = scenario_of(folder, file, run.meta["scenario"])
    if scenario is INTERACTIVE:
        raise BadRun(
            f"{folder} is a run of `badwire up`, without claims to judge; `badwire show {folder}` shows what happened."
        )
    error = None if run.error is None else RunError(run.error)
    result, _ = judgement(scenario, run, error)
    return result
