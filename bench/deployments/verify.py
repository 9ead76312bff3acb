"""Does a deployment keep the contract, and does the same journey read the same in all of them?

Starts each deployment on free ports, one after the other, runs the contract suite against it and
takes one seeded journey of 500 operations, whose transcripts must agree.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.contract.conformance import CaseResult, run_conformance
from bench.contract.journey import Entry, differences, run_journey
from bench.contract.seed import SeedSpec
from bench.deployments.base import UpOptions
from bench.deployments.local.home import StateHome
from bench.deployments.local.topology import NAMES, parse_topology
from bench.deployments.places import open_at, place_named
from bench.errors import ShopbenchError

JOURNEY_STEPS = 500
_SHOWN_DIFFERENCES = 5
_SHOWN_CHARACTERS = 600

Report = Callable[[str], None]


@dataclass
class Verdict:
    """What one deployment showed. `journey`: differences from the first deployment's transcript."""

    deployment: str
    passed: int = 0
    failed: list[CaseResult] = field(default_factory=list)
    skipped: list[CaseResult] = field(default_factory=list)
    journey_steps: int = 0
    journey: list[str] = field(default_factory=list)
    compared_with: str = ""
    error: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not (self.failed or self.journey or self.error)


@dataclass
class Verification:
    """One pass over several deployments with the same seed."""

    seed: SeedSpec
    report: Report
    place: str = "local"
    verdicts: list[Verdict] = field(default_factory=list)
    _reference: tuple[str, list[Entry]] | None = None

    def check(self, name: str) -> Verdict:
        """Start a deployment, judge it, stop it. Failing to start is a verdict, not an error."""
        verdict = Verdict(name)
        self.verdicts.append(verdict)
        with _timed(verdict):
            self.report(f"{name}: starting")
            with open_at(self.place, name, options=UpOptions(seed=self.seed)) as running:
                key = StateHome.from_environment().keys / "signing.pem"
                self.judge(verdict, running.base_url, key)
        return verdict

    def judge(self, verdict: Verdict, base_url: str, signing_key: Path | None) -> None:
        """Run suite and journey against an address."""
        counts: Counter[str] = Counter()

        def count(result: CaseResult) -> None:
            counts[result.outcome] += 1
            done = f"{sum(counts.values())} cases, {counts['failed']} failed"
            self.report(f"{verdict.deployment}: {done}")

        results = run_conformance(base_url, signing_key=signing_key, progress=count)
        verdict.passed = counts["passed"]
        verdict.failed = [result for result in results if result.outcome == "failed"]
        verdict.skipped = [result for result in results if result.outcome == "skipped"]
        self.report(f"{verdict.deployment}: a journey of {JOURNEY_STEPS} operations")
        self._compare(verdict, run_journey(base_url, seed=self.seed.seed, steps=JOURNEY_STEPS))

    def _compare(self, verdict: Verdict, transcript: list[Entry]) -> None:
        verdict.journey_steps = len(transcript)
        if self._reference is None:
            self._reference = (verdict.deployment, transcript)
            return
        verdict.compared_with, reference = self._reference
        verdict.journey = differences(reference, transcript)


def verify_deployments(
    names: Sequence[str], seed: SeedSpec, report: Report, place: str = "local"
) -> list[Verdict]:
    """Verify each named deployment, all four without a name. Raises ShopbenchError (usage)."""
    topologies = [parse_topology(name).name for name in names or NAMES]
    verification = Verification(seed, report, place_named(place))
    for name in dict.fromkeys(topologies):
        verification.check(name)
    return verification.verdicts


def verify_address(base_url: str, signing_key: Path | None, report: Report) -> list[Verdict]:
    """Verify a shop that somebody else started and seeded."""
    verdict = Verdict(base_url)
    with _timed(verdict):
        Verification(SeedSpec(), report).judge(verdict, base_url, signing_key)
    return [verdict]


def explain(verdict: Verdict) -> list[str]:
    """Say line by line what did not hold."""
    lines = [verdict.error] if verdict.error else []
    lines += [f"{case.area}: {case.name}: {case.detail}" for case in verdict.failed]
    shown = verdict.journey[:_SHOWN_DIFFERENCES]
    lines += [f"journey differs from {verdict.compared_with}: {line}" for line in shown]
    if len(verdict.journey) > len(shown):
        lines.append(f"… and {len(verdict.journey) - len(shown)} more steps")
    return [_shortened(line) for line in lines]


def _shortened(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} …"


@contextmanager
def _timed(verdict: Verdict) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    except (ShopbenchError, OSError) as error:
        verdict.error = error.message if isinstance(error, ShopbenchError) else str(error)
    finally:
        verdict.seconds = time.monotonic() - start
