"""The load generator against its controls: lag, its own time, a second tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.engine.options import Profile, RunOptions
from bench.engine.run_context import RunContext
from bench.errors import ShopbenchError
from bench.experiments.selftest.generator_check import (
    CLIENT_LIMIT_MS,
    CONTROL_LIMIT_MS,
    LAG_LIMIT_MS,
    GeneratorReport,
    Verdict,
    check_generator,
)
from bench.experiments.selftest.publish import publish, publish_again
from bench.experiments.selftest.record import CLAIMS_NOTHING, SETTING, Outcome, Word
from bench.experiments.selftest.reference import shop_cpus
from bench.registry import Planned
from bench.results.journal import RunReader

PART = "generator"
_SECONDS = {"smoke": 0.5, "quick": 2.0, "standard": 5.0, "full": 10.0}
_WORDS: dict[Verdict, Word] = {"kept": "met", "broken": "not met"}


def planned(options: RunOptions, profile: Profile, settings: Mapping[str, Any]) -> Planned:
    """The check, which times itself."""
    return Planned(_planned_s(profile))


def run(ctx: RunContext) -> None:
    """Measure it on the run's own cores; the run's load process is idle meanwhile."""
    ctx.progress.say("the load generator against its controls")
    load_cpus = ctx.writer.journal.settings["load_cpus"]
    server = next(iter(shop_cpus(ctx)), None)
    found = check_generator(server, load_cpus[0] if load_cpus else None, _SECONDS[ctx.profile.name])
    ctx.progress.done(_planned_s(ctx.profile))
    publish(ctx, PART, outcomes(found, ctx.profile.name), {"generator": found.as_json()})


def examine(run_dir: Path) -> list[dict[str, Any]]:
    """Judge what a run found by today's rules and keep that; return the outcomes as rows.

    Raises ShopbenchError for a run without this part, CorruptResults for a damaged one.
    """
    journal = RunReader(run_dir).journal
    part = journal.settings.get(SETTING, {}).get("parts", {}).get(PART, {})
    if part.get("run") != journal.run_id:
        raise ShopbenchError(f"{run_dir} holds no check of the load generator", 2)
    found = msgspec.convert(part["generator"], GeneratorReport)
    return publish_again(
        journal, PART, outcomes(found, journal.profile), {"generator": found.as_json()}
    )


def outcomes(found: GeneratorReport, profile: str) -> list[Outcome]:
    """The generator's three promises."""
    words = {name: _word(verdict, profile) for name, verdict in found.verdicts.items()}
    judged = [pair for pair in found.lag if pair.judged]
    lags = sorted(pair.send_lag_ms_p99 for pair in judged or found.lag)
    controls = sorted(pair.control_ms_p99 for pair in judged or found.lag)
    off = max((abs(one.ours_ms / one.theirs_ms - 1) for one in found.agreement), default=None)
    return [
        Outcome(
            "send lag p99 at 2,000 arrivals a second",
            f"{found.late_share:.2%} of arrivals {LAG_LIMIT_MS:g} ms late or more",
            f"below 1 % where the timer alone has p99 below {CONTROL_LIMIT_MS:g} ms",
            words["send_lag"],
            f"{len(judged)} of {len(found.lag)} stretches lie between two such controls; p99 of "
            f"{'these' if judged else 'all'} {_span(lags)} ms, of the timer alone "
            f"{_span(controls)} ms",
        ),
        Outcome(
            "the client's own time, median",
            f"{found.client_ms:.2f} ms",
            f"below {CLIENT_LIMIT_MS:g} ms",
            words["client_time"],
            "of a request that the server answers at once",
        ),
        Outcome(
            "quantiles agree with an independent tool",
            "–" if off is None else f"within {off:.1%}",
            "within 5 % or 0.2 ms",
            words["agreement"],
            found.tool or "no other tool on this machine",
        ),
    ]


def _span(values: Sequence[float]) -> str:
    """Least and most of sorted values."""
    return f"{values[0]:.2f} to {values[-1]:.2f}" if values else "–"


def _word(verdict: Verdict, profile: str) -> Word:
    return "not judged" if profile == CLAIMS_NOTHING else _WORDS.get(verdict, "not judged")


def _planned_s(profile: Profile) -> float:
    return 15.0 + 52.0 * _SECONDS[profile.name]
