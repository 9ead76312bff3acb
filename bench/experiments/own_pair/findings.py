"""What a run on the user's own services found: verdicts by name, CPU, what was left out.

Neighbours: `bench.stats.turns` and `stretches` compare, `sections.own_services` shows it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from bench.report.naming import own_names, percent
from bench.results.dataset import RunData
from bench.results.journal import RunReader, Trial, Verdict
from bench.results.paired.turn_rows import start_of
from bench.stats.errors import StatisticsError
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.stretches import StretchPair, stretch_verdicts
from bench.stats.turn_words import OPEN, UNITS, Telling, left_out, sentences
from bench.stats.turns import Answer, NameVerdict, Start, judged
from bench.stats.verdicts import Decision, decide

EXPERIMENT = "own_services"
CPU_METRIC = "cpu_ms_per_request"
LEAST_WINDOWS = 6


@dataclass(frozen=True)
class Compared:
    """One service against the baseline: verdicts by name, and all of it in words."""

    first: str
    second: str
    names: list[NameVerdict]
    sentences: list[str]
    verdicts: list[Verdict]


def compared(data: RunData) -> list[Compared]:
    """Every service of the run against the first one given."""
    names = own_names(data.journal.settings)
    trials = [trial for trial in data.journal.trials if trial.experiment == EXPERIMENT]
    if not trials:
        return []
    turns = [trial for trial in trials if trial.loop == "rounds"]
    return [
        _by_turns(data, turns, names[0], name) if turns else _open(data, trials, names[0], name)
        for name in names[1:]
    ]


def pair_facts(data: RunData) -> Mapping[str, Any]:
    """What the run says of the services and how they were asked."""
    facts: Mapping[str, Any] = data.journal.settings["own_pair"]
    return facts


def client_ms(data: RunData) -> float:
    """The client's own time of a request; 0 where it was not measured."""
    return float(data.journal.settings.get("own_client_ms") or 0.0)


def _by_turns(data: RunData, trials: Sequence[Trial], first: str, second: str) -> Compared:
    starts = _starts(data, trials, first, second)
    by_start = bool(pair_facts(data).get("restarts"))
    found = judged(starts, by_start=by_start)
    verdicts = [_verdict(data, first, second, each, by_start) for each in found]
    cpu = _cpu_verdict(data, first, second)
    words = sentences(Telling(first, second, UNITS[by_start], client_ms(data)), found)
    if cpu is not None:
        words.append(_cpu_words(cpu))
    return Compared(
        first, second, found, [*words, *left_out(starts)], [*verdicts, *([cpu] if cpu else [])]
    )


def _starts(data: RunData, trials: Sequence[Trial], first: str, second: str) -> list[Start]:
    reader = RunReader(data.path)
    by_stretch: dict[tuple[int, str], dict[str, Trial]] = defaultdict(dict)
    for trial in trials:
        by_stretch[trial.block, trial.mix][trial.deployment] = trial
    starts: dict[int, Start] = {}
    for (block, _), sides in sorted(by_stretch.items()):
        if {first, second} <= set(sides):
            one = sides[first]
            window = (one.measured_from_s, one.measured_to_s)
            rows = [reader.rows(sides[name].trial_id) for name in (first, second)]
            turns = int(one.facts.get("turns", 0))
            start = start_of(rows[0], rows[1], window, turns)
            start.elsewhere = int(one.facts.get("elsewhere", 0))
            starts.setdefault(block, Start()).extend(start)
    return list(starts.values())


def _open(data: RunData, trials: Sequence[Trial], first: str, second: str) -> Compared:
    reader = RunReader(data.path)
    blocks: dict[int, dict[str, Trial]] = defaultdict(dict)
    for trial in trials:
        blocks[trial.block][trial.deployment] = trial
    pairs = [
        StretchPair(
            *(_due_answers(reader.rows(sides[n].trial_id), sides[n]) for n in (first, second))
        )
        for _, sides in sorted(blocks.items())
        if {first, second} <= set(sides)
    ]
    found = stretch_verdicts(pairs)
    words = sentences(Telling(first, second, OPEN, client_ms(data)), found)
    verdicts = [_verdict(data, first, second, each, None) for each in found]
    return Compared(first, second, found, words, verdicts)


def _due_answers(rows: pa.Table, trial: Trial) -> list[Answer]:
    names, errors = (rows.column(name).to_pylist() for name in ("operation", "error"))
    due, done = (np.asarray(rows.column(name), dtype=float) for name in ("due_s", "done_s"))
    inside = (due >= trial.measured_from_s) & (due < trial.measured_to_s)
    return [
        Answer(names[at], float(due[at]), float(done[at] - due[at]) * 1e3, errors[at])
        for at in np.flatnonzero(inside)
    ]


def _verdict(
    data: RunData, first: str, second: str, each: NameVerdict, by_start: bool | None
) -> Verdict:
    """`by_start` None: open-loop stretches."""
    found, ratio = each.found, each.found.ratio
    metric = "response_time_ms_p50" if by_start is None else "service_time_ms_p50"
    unit = {None: "pairs of stretches", False: "seconds of one start of yours", True: "starts"}
    level = ratio.level if ratio else 0.95
    what = "response time" if by_start is None else "service time"
    return Verdict(
        id=f"{EXPERIMENT}/{_mix(data)}/{second}:{first}/{found.name}/{metric}",
        question=f"Does the {what} of {found.name} differ between {second} and {first}?",
        metric=metric,
        numerator=second,
        denominator=first,
        operation=found.name,
        estimate=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        level=level,
        n_blocks=ratio.n_blocks if ratio else 0,
        verdict=_word(data, each.decision),
        rule=(
            f"median of the log-ratio of like requests, t interval over {unit[by_start]} at "
            f"{percent(level)} (Holm over all names); claim: different; threshold 3 %"
        ),
        note=_note(data, each),
    )


def _note(data: RunData, each: NameVerdict) -> str:
    found = each.found
    parts = [each.decision.reason if data.journal.profile != "smoke" else "smoke claims nothing"]
    if found.failing:
        wrong = f"{found.first_wrong} and {found.second_wrong} of {found.requests}"
        parts.append(f"wrong answers: {wrong} ({found.example})")
    return "; ".join(parts)


def _word(data: RunData, decision: Decision) -> Any:
    return "inconclusive" if data.journal.profile == "smoke" else decision.word


def _mix(data: RunData) -> str:
    return str((data.journal.settings.get("mixes") or ["own"])[0])


def _cpu_verdict(data: RunData, first: str, second: str) -> Verdict | None:
    """CPU per request over windows of some seconds, less the idle rate; None: not metered."""
    ratio = _cpu_ratio(data, first, second)
    if ratio is None:
        return None
    decision = decide(ratio, claim="different", kind="cpu", min_blocks=LEAST_WINDOWS)
    return Verdict(
        id=f"{EXPERIMENT}/{_mix(data)}/{second}:{first}/all/{CPU_METRIC}",
        question=f"Does the CPU per request differ between {second} and {first}?",
        metric=CPU_METRIC,
        numerator=second,
        denominator=first,
        operation="all",
        estimate=ratio.estimate,
        low=ratio.low,
        high=ratio.high,
        level=ratio.level,
        n_blocks=ratio.n_blocks,
        verdict=_word(data, decision),
        rule="CPU of the process trees less their idle rate, by request; t interval over windows",
        note=decision.reason,
    )


def _cpu_ratio(data: RunData, first: str, second: str) -> PairedRatio | None:
    kept: Mapping[str, Any] = data.journal.settings.get("own_cpu") or {}
    logs = []
    for key, windows in kept.items():
        number, _, name = key.partition("/")
        if name == first and (others := kept.get(f"{number}/{second}")):
            logs += [
                np.log(other[1] / other[2]) - np.log(own[1] / own[2])
                for own, other in zip(windows, others, strict=False)
                if min(*own, *other) > 0
            ]
    try:
        return paired_ratio(np.array(logs)) if logs else None
    except StatisticsError:
        return None


def _cpu_words(verdict: Verdict) -> str:
    estimate = verdict.estimate or 1.0
    top, bottom = verdict.numerator, verdict.denominator
    size = f"{100 * abs(estimate - 1):.1f} % {'more' if estimate > 1 else 'less'}"
    word = {
        "supported": f"a request costs {top} {size} CPU than {bottom}",
        "no difference shown": f"a request costs {top} and {bottom} the same CPU, within 3 %",
    }.get(verdict.verdict, "CPU of a request: undecided")
    low, high = verdict.low or 0.0, verdict.high or 0.0
    return f"{word} (×{estimate:.3f} [{low:.3f}, {high:.3f}])"
