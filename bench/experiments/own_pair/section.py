"""The user's own services: which, what they were asked, and what came out, name by name.

Neighbours: `bench.experiments.own_pair.findings` judges, `limits` says what that cannot show.
"""

from collections.abc import Mapping
from typing import Any

from bench.experiments.own_pair.findings import Compared, compared, pair_facts
from bench.report.figures.forest import ForestRow, forest
from bench.report.figures.style import Figure
from bench.report.naming import interval, number, own_names
from bench.report.section import Section
from bench.results.dataset import RunData
from bench.stats.turns import NameVerdict

_LIMITS = (
    "The services are the user's own, started and pinned or not by the user: how they were built, "
    "configured and warmed, and what else runs for them, is not known here.",
    "CPU is that of the process trees that were named, without databases or workers beside them; "
    "of a service without a process id it is not measured.",
    "This load: the tasks and weights it was given. Waiting times between tasks are left out. In "
    "turns one request at a time is under way, so queues are not seen: `--load open` shows them. "
    "What a service does after its answer may fall into the other's turn.",
    "A verdict speaks of the medians and the CPU under this load. It is not a prediction for "
    "another load, another rate or another machine.",
)


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    made = section(data)
    return [made] if made is not None else []


def section(data: RunData) -> Section | None:
    """Return the section, None for a run on the shop."""
    names = own_names(data.journal.settings)
    if not names:
        return None
    facts, found = pair_facts(data), compared(data)
    load = _load(data, facts)
    sentences = [text for each in found for text in each.sentences]
    return Section(
        anchor="services",
        title="Your services",
        template="own_pair/section.html",
        context={
            "sentences": sentences,
            "ratios": [_ratio_row(each, name) for each in found for name in each.names],
            "rows": [_row(name, names[0], facts) for name in names],
            "load": load,
        },
        summary=(
            *(f"- {text}" for text in sentences),
            f"Load: {load}. Baseline: {names[0]}. Servers started and pinned by the user: "
            "uncontrolled unless pinned.",
        ),
        figures=_figures(found),
        headline=tuple(sentences),
        limits=_LIMITS,
        verdicts=tuple(verdict for each in found for verdict in each.verdicts),
    )


def _figures(found: list[Compared]) -> tuple[Figure, ...]:
    groups = {
        f"{each.second} : {each.first}": [
            ForestRow("CPU" if v.operation == "all" else v.operation, v) for v in each.verdicts
        ]
        for each in found
    }
    drawn = forest(groups, "own-services", "Ratios by name, your services") if groups else None
    return (drawn,) if drawn else ()


def _load(data: RunData, facts: Mapping[str, Any]) -> str:
    file = facts.get("locustfile")
    tasks = f"the tasks of {file} (SHA-256 {str(facts.get('locustfile_sha256'))[:12]})"
    what = tasks if file else "the shop's own operations"
    if facts.get("load") == "open":
        rates = {f"{trial.offered_rps:g}" for trial in data.journal.trials if trial.offered_rps}
        rate = ", ".join(sorted(rates)) or "some"
        return f"{what}, {rate} visits a second arriving at each service in turn (open loop)"
    return f"{what} in turns: each visit on one service, then on the next, in random order"


def _row(name: str, baseline: str, facts: Mapping[str, Any]) -> list[str]:
    pid = facts.get("pids", {}).get(name)
    cpus = facts.get("pinned_to_cpus", {}).get(name)
    return [
        f"{name} (baseline)" if name == baseline else name,
        str(facts["urls"].get(name, "unknown")),
        "metered" if pid else "not measured: no process id was given",
        ", ".join(map(str, cpus)) if cpus else "unknown",
    ]


def _ratio_row(pair: Compared, verdict: NameVerdict) -> list[str]:
    found, ratio = verdict.found, verdict.found.ratio
    return [
        f"{found.name} · {pair.second} : {pair.first}",
        f"{found.requests:,}",
        *(number(ms) for ms in reversed(found.median_ms)),
        f"{found.second_wrong} / {found.first_wrong}",
        f"×{number(ratio.estimate, 4)}" if ratio else "–",
        interval(ratio.low, ratio.high) if ratio else "–",
        str(ratio.n_blocks) if ratio else "–",
        verdict.decision.word,
    ]
