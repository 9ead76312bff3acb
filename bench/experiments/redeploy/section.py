"""Section 'Releases under load': what was found in plain words, then the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from bench.experiments.redeploy import first_screen
from bench.experiments.redeploy.counting import Counted
from bench.experiments.redeploy.figures import release_figure
from bench.experiments.redeploy.findings import Findings, findings_of
from bench.experiments.redeploy.judge import comparables, verdicts_of
from bench.experiments.redeploy.records import (
    EXPERIMENT,
    GATEWAY,
    MICROSERVICES,
    MONOLITH,
    SERVICES,
    TWO,
)
from bench.experiments.redeploy.sentences import MAKERS
from bench.experiments.redeploy.tables import (
    RELEASE_HEADS,
    STEP_HEADS,
    TIME_HEADS,
    mean_text,
    plural,
    release_rows,
    spread_rows,
    step_rows,
    time_rows,
    touch_lines,
    touch_rows,
    with_interval,
)
from bench.report.fields import verdict_fields, verdict_line
from bench.report.naming import number
from bench.report.section import ARMS, Records, Section
from bench.report.spoken import said
from bench.report.summary_table import markdown_table
from bench.results.dataset import RunData
from bench.results.verdict import TableCell, Verdict

ROW = "deployment"  # of the comparison table
LIMITS = (
    "Releases: what a process with one port loses is lost because the old one must let go of the "
    "port first. A stopping gunicorn keeps idle connections for 2 s more, and only then can the "
    "new one start: that is most of its gap. gunicorn can hand its socket to a new master (USR2), "
    "systemd can hold it for whoever comes next; either would close that gap, in both arms, and "
    "neither is measured.",
    "Releases: the old process, the new one and everybody else share one core here. Where a "
    "release starts on a machine of its own its start takes no CPU from those who serve.",
    "Releases: processes, not containers: no image is built, pushed or pulled.",
    "Releases: of a gateway or a monolith with two replicas the edge before them is not released; "
    "its own cost is counted apart (experiment scaling).",
)


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    found = findings_of(data)
    return [section(found)] if found is not None and (found.all or found.touches) else []


def section(found: Findings) -> Section:
    """Return the section of what was found."""
    figure = release_figure(found)
    verdicts = verdicts_of(found)
    lines = lines_of(found)
    decided, otherwise = said(_told(verdicts), MAKERS)
    visits, failed, slow = found.quiet
    return Section(
        anchor=EXPERIMENT,
        title="Releases under load",
        template="redeploy/section.html",
        context={
            "lines": lines,
            "rate": f"{found.held.rate_rps:g}",
            "quiet": f"{failed} of {visits:,} visits failed and {slow} were slow",
            "release_heads": RELEASE_HEADS,
            "releases": release_rows(found),
            "time_heads": TIME_HEADS,
            "times": time_rows(found),
            "touches": touch_rows(found),
            "touched": touch_lines(found),
            "spread": spread_rows(found),
            "step_heads": STEP_HEADS,
            "migration": step_rows(found, "migration"),
            "bad": [*step_rows(found, "never ready"), *step_rows(found, "wrong answers")],
            "planted": [*step_rows(found, "no drain"), *step_rows(found, "lock")],
            "verdicts": [verdict_fields(verdict) for verdict in verdicts],
            "rules": list(dict.fromkeys(verdict.rule for verdict in verdicts)),
        },
        figures=(figure,) if figure is not None else (),
        summary=(
            "\n".join(f"- {text}" for text in lines),
            markdown_table(RELEASE_HEADS, release_rows(found)),
            markdown_table(TIME_HEADS, time_rows(found)),
            "\n".join(f"- {verdict_line(verdict)}" for verdict in verdicts),
        ),
        answer=first_screen.answer(found),
        tiles=tuple(first_screen.tiles(found, verdicts)),
        sentences=decided,
        otherwise=otherwise,
        verdicts=tuple(verdicts),
        compared=comparables(found),
        cells=tuple(
            TableCell(ROW, arm, EXPERIMENT, text) for arm in ARMS if (text := cell(found, arm))
        ),
        tables={"releases": _records(found)},
        limits=LIMITS,
    )


def lines_of(found: Findings) -> list[str]:
    """What was found, a sentence each."""
    lines = [text for arm in ARMS if (text := _released(found, arm))]
    for arm in found.arms:
        lines += [
            text
            for text in (
                _killed(found, arm),
                _never_ready(found, arm),
                _wrong(found, arm),
                _migrated(found, arm),
            )
            if text
        ]
    return lines


def cell(found: Findings, arm: str) -> str:
    """One line for the comparison table; empty if nothing of the arm was measured."""
    if arm == MONOLITH:
        parts = [_short(found, arm, (MONOLITH,), "a release", one_port=True)]
        parts.append(_short(found, TWO[arm], (MONOLITH,), "with two replicas"))
    else:
        parts = [_short(found, arm, SERVICES, "a release of one service")]
        parts.append(_short(found, arm, (GATEWAY,), "of the gateway", one_port=True))
        parts.append(_short(found, TWO[arm], (GATEWAY,), "with two gateways"))
    touched = [each for each in found.touched(arm) if each.component != GATEWAY]
    if touched:
        counts = [len(each.touched) for each in touched]
        span = f"{min(counts)}–{max(counts)}" if min(counts) != max(counts) else str(counts[0])
        parts.append(f"a process takes part in {span} of {len(touched[0].asked)} operations")
    return "; ".join(part for part in parts if part)


def _short(
    found: Findings, arm: str, components: Sequence[str], what: str, *, one_port: bool = False
) -> str:
    own = _valid(found, arm, components)
    if not own:
        return ""
    disturbed = plural(fmean(each.disturbed for each in own), "visit")
    text = f"{what}: {_s(own)}, {disturbed} disturbed"
    if one_port:
        text += f" (connections refused for {mean_text([each.refused_for_s for each in own])} s)"
    return text


def _released(found: Findings, arm: str) -> str:
    """What good releases did, of an arm and of its twin with two endpoints."""
    parts = []
    for label, components, what in (
        (arm, (MONOLITH,), f"Releasing the {MONOLITH}"),
        (arm, SERVICES, "Releasing one service"),
        (arm, (GATEWAY,), "releasing the gateway"),
        (TWO[arm], (MONOLITH,), "with two replicas it"),
        (TWO[arm], (GATEWAY,), "with two gateways that"),
    ):
        own = _valid(found, label, components)
        if own:
            parts.append(f"{what} takes {_s(own)} and disturbs {_visits(own)}{_refused(own)}")
    return "; ".join(parts) + "." if parts else ""


def _visits(own: Sequence[Counted]) -> str:
    disturbed = with_interval([each.disturbed for each in own])
    whole = mean_text([each.visits for each in own])
    none = sum(not each.failed for each in own)
    return f"{disturbed} of {whole} visits (no visit failed in {none} of {len(own)} releases)"


def _refused(own: Sequence[Counted]) -> str:
    refused = [each.refused for each in own]
    if not any(refused):
        return ""
    seconds = mean_text([each.refused_for_s for each in own])
    return f", with {mean_text(refused)} connections refused over {seconds} s"


def _killed(found: Findings, arm: str) -> str:
    """Where a release without drain loses less than a good one: on one port waiting has a price."""
    killed = [each for each in found.of("no drain", arm) if each.valid]
    good = _valid(found, arm, tuple({each.change.component for each in killed}))
    if not killed or not good:
        return ""
    lost, usual = (fmean(each.failed for each in own) for own in (killed, good))
    if lost >= usual:
        return ""
    return (
        f"{arm}: killed and started again, without drain, it fails {mean_text([lost])} visits in "
        f"place of {mean_text([usual])}: on one port nobody is served while the old one drains."
    )


def _never_ready(found: Findings, arm: str) -> str:
    own = [each for each in found.of("never ready", arm) if each.valid]
    if not own:
        return ""
    refused = sum(each.change.held for each in own)
    return (
        f"{arm}: a release that never gets ready was refused in {refused} of {len(own)} tries and "
        f"failed {plural(fmean(each.failed for each in own), 'visit')}."
    )


def _wrong(found: Findings, arm: str) -> str:
    own = [each for each in found.of("wrong answers", arm) if each.valid]
    if not own:
        return ""
    back = mean_text([each.change.parts.get("roll-back") for each in own])
    noticed = mean_text([each.change.parts.get("noticed") for each in own])
    return (
        f"{arm}: a release that answers wrongly, noticed after {noticed} s and rolled back in "
        f"{back} s, disturbs {mean_text([each.disturbed for each in own])} of "
        f"{mean_text([each.visits for each in own])} visits from the order until it is back."
    )


def _migrated(found: Findings, arm: str) -> str:
    own = [each for each in found.of("migration", arm) if each.valid]
    if not own:
        return ""
    times = len({each.change.repetition for each in own})
    seconds = sum(each.change.seconds for each in own) / times
    disturbed = sum(each.disturbed for each in own) / times
    return (
        f"{arm}: a column widened by expand and contract in {number(seconds)} s fails "
        f"{plural(sum(each.failed for each in own) / times, 'visit')} and disturbs "
        f"{plural(disturbed, 'visit')} of {sum(each.visits for each in own) / times:.0f}."
    )


def _valid(found: Findings, arm: str, components: Sequence[str]) -> list[Counted]:
    return [each for each in found.of("release", arm, *components) if each.valid]


def _s(own: Sequence[Counted]) -> str:
    return f"{mean_text([each.change.seconds for each in own])} s"


def _told(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those for the first screen: the comparisons, and whatever did not succeed."""
    return [
        each
        for each in verdicts
        if each.numerator.startswith(MICROSERVICES) and ":" in each.id or each.verdict == "refuted"
    ]


def _records(found: Findings) -> Records:
    """Every change with its visits, for CSV."""
    return [
        {
            "deployment": each.change.arm,
            "repetition": each.change.repetition,
            "what": each.change.what,
            "component": each.change.component,
            "step": each.change.step,
            "release_s": each.change.seconds,
            "in_service_s": each.change.in_service_s,
            "cold_start_s": each.change.cold_start_s,
            "cpu_s": each.change.cpu_s,
            "visits": each.visits,
            "failed": each.failed,
            "slow": each.slow,
            "disturbed": each.disturbed,
            "refused": each.refused,
            "refused_for_s": each.refused_for_s,
            "held": each.change.held,
            "valid": each.valid,
        }
        for each in found.all
    ]
