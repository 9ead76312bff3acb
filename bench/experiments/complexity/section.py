"""Section 'Complexity': what there is in each arm, what a request calls, what stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.experiments.complexity.counts import (
    Arm,
    arms_of,
    between_processes,
    opened,
    standing_alone,
    to_databases,
)
from bench.experiments.complexity.figures import CallRow, calls_figure, counts_figure
from bench.experiments.complexity.findings import counted_in
from bench.experiments.complexity.judge import verdicts_of
from bench.experiments.complexity.records import NAME, Counted, OperationCalls
from bench.report.fields import verdict_fields, verdict_line
from bench.report.figures.style import Figure
from bench.report.naming import number, words
from bench.report.section import Section
from bench.report.spoken import said
from bench.report.summary_table import markdown_table
from bench.report.tiles import Tile
from bench.results.dataset import RunData
from bench.results.verdict import TableCell, Verdict

LIMITS = (
    "Complexity: parts are counted, not weighed. A setting, a container and a contract count one "
    "each, and nobody's understanding is measured.",
    "Complexity: the chassis that the services share is code of ours in the same repository; a "
    "service with a framework off the shelf would ship fewer lines of its own and import more of "
    "others'. Installed packages are counted in neither arm.",
    "Complexity: what a service sends on in the background goes in batches, so an order's calls "
    "and commits have a fraction that depends on how busy the machine is.",
    "Complexity: deployment parts are those of the compose file. What a cluster adds (manifests, "
    "ingress, secrets, dashboards) is not counted.",
)
_HEADS = ["", "monolith", "microservices"]
Counts = list[tuple[str, float, float]]


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment and got far enough to say anything."""
    found = counted_in(data)
    if found is None or not found.deployables:
        return []
    verdicts = verdicts_of(found, data.journal.profile)
    decided, otherwise = said(verdicts, _MAKERS)
    arms = arms_of(found)
    counts = [row for _, rows in _tables(arms) for row in rows]
    return [
        Section(
            anchor=NAME,
            title="Complexity: what there is to know, to set up and to break",
            contents="Complexity",
            template="complexity/section.html",
            context=_context(found, arms, verdicts),
            figures=_figures(arms),
            summary=(
                "\n".join(f"- {text}" for text in _lead(found, arms)),
                markdown_table(_HEADS, [_row(each) for each in counts]),
                "\n".join(f"- {verdict_line(verdict)}" for verdict in verdicts),
            ),
            tiles=tuple(_tiles(arms)),
            verdicts=tuple(verdicts),
            sentences=decided,
            otherwise=otherwise,
            cells=_cells(found, arms),
            tables=_csv(found, arms),
            limits=LIMITS,
        )
    ]


def _tiles(arms: Sequence[Arm]) -> Iterator[Tile]:
    """Of the first screen: what has to be run, counted."""
    whole, parts = (arm.moving_parts for arm in arms)
    if whole is not None and parts is not None:
        yield Tile(
            title="Parts to run",
            monolith=float(whole),
            microservices=float(parts),
            unit="parts",
            words=("fewer", "more"),
            evidence="counted: processes, servers, databases, contracts, settings",
            state="different" if whole != parts else "alike",
        )


def _lead(found: Counted, arms: Sequence[Arm]) -> list[str]:
    """The finding in plain words."""
    whole, parts = arms
    lines = [
        f"The services are {len(parts.deployables)} deployables, the monolith is one. "
        f"{_standing(found)}",
        f"The largest service, {parts.largest.name}, has {parts.largest.lines:,} lines of code, "
        f"{parts.largest.shared:,} of them shared with other services; the monolith has "
        f"{whole.largest.lines:,}. All services together have {parts.all_lines:,}.",
    ]
    if parts.calls and whole.calls:
        lines.append(_order_words(whole, parts))
    if whole.running and parts.running:
        lines.append(
            f"To run: {len(parts.running.processes)} processes and {len(parts.running.servers)} "
            f"database servers with {parts.settings} settings, against "
            f"{len(whole.running.processes)} and {len(whole.running.servers)} with "
            f"{whole.settings}."
        )
    return lines


def _order_words(whole: Arm, parts: Arm) -> str:
    (one,), (other,) = ([each for each in arm.calls if each.operation == "order"] for arm in
                        (whole, parts))  # fmt: skip
    return (
        f"One order passes {len(parts.order_way)} deployables with {parts.order_lines:,} lines of "
        f"code, {_calls(between_processes(other))} between processes and "
        f"{other.commits:.1f} commits; in the monolith {whole.order_lines:,} lines, "
        f"{_calls(between_processes(one))} and {one.commits:.1f} commits."
    )


def _calls(count: float) -> str:
    return f"{count:.1f} calls" if count else "no calls"


def _standing(found: Counted) -> str:
    services = standing_alone(found.alone, "microservices", "deployable")
    apps = standing_alone(found.alone, "monolith", "part")
    if not services.made:
        return "Whether they stand alone was not tried."
    return (
        f"Built, started and asked without the others' code on disk, {services.yes} of "
        f"{services.made} services keep their part of the contract; of the monolith's "
        f"{apps.made} apps, tried alike, {apps.yes or 'none'}."
    )


def _tables(arms: Sequence[Arm]) -> list[tuple[str, Counts]]:
    """Tables of counts by caption; a line whose count one arm lacks is left out."""
    both = tuple(arms)
    known = [
        ("Code: neither blank nor comment nor docstring, Python and SQL", _code(both)),
        ("Running: what is up, and what it was told", _running(both)),
        (
            "Containers: what the compose file and the Dockerfiles have for the arm",
            _machinery(both),
        ),
        ("Ways to fail", _failures(both)),
    ]
    return [(caption, rows) for caption, rows in known if rows]


def _code(arms: tuple[Arm, ...]) -> Counts:
    whole, parts = arms
    mean = [sum(size.lines for size in arm.sizes) / len(arm.sizes) for arm in arms]
    own = [max(size.own for size in arm.sizes) for arm in arms]
    rows: Counts = [
        ("deployables", len(whole.deployables), len(parts.deployables)),
        ("lines, largest deployable", whole.largest.lines, parts.largest.lines),
        ("lines, mean deployable", mean[0], mean[1]),
        ("lines of its own, largest", own[0], own[1]),
        ("lines in all", whole.all_lines, parts.all_lines),
    ]
    if whole.calls and parts.calls:
        rows.append(("lines on the way of an order", whole.order_lines, parts.order_lines))
    return [
        *rows,
        ("contracts to clients (operations)", whole.public_contracts, parts.public_contracts),
        ("contracts between processes", whole.inner_contracts, parts.inner_contracts),
        ("migrations (files)", whole.migrations, parts.migrations),
    ]


def _running(arms: tuple[Arm, ...]) -> Counts:
    whole, parts = arms
    if whole.running is None or parts.running is None:
        return []
    one, other = whole.running, parts.running
    rows: Counts = [
        ("processes started", len(one.processes), len(other.processes)),
        ("processes of the system, workers included", one.os_processes, other.os_processes),
        ("database servers", len(one.servers), len(other.servers)),
        ("databases", one.databases, other.databases),
        ("database roles", one.roles, other.roles),
        ("ports", one.ports, other.ports),
        ("settings, each process's", whole.settings, parts.settings),
        ("settings, different names", whole.distinct_settings, parts.distinct_settings),
    ]
    return rows


def _machinery(arms: tuple[Arm, ...]) -> Counts:
    one, other = (arm.machinery for arm in arms)
    if one is None or other is None:
        return []
    counted = (
        ("containers", "services"), ("images", "images"),
        ("start-up dependencies", "dependencies"), ("settings of containers", "settings"),
        ("of these, keys and passwords", "secrets"), ("volumes", "volumes"),
        ("networks", "networks"), ("ports to the outside", "ports"),
    )  # fmt: skip
    rows: Counts = [
        (label, len(getattr(one, name)), len(getattr(other, name))) for label, name in counted
    ]
    return [
        *rows,
        ("lines of the compose file", one.lines, other.lines),
        ("lines of Dockerfiles", one.dockerfile_lines, other.dockerfile_lines),
    ]


def _failures(arms: tuple[Arm, ...]) -> Counts:
    whole, parts = arms
    rows: Counts = [("fault points", whole.fault_points, parts.fault_points)]
    if whole.calls and parts.calls:
        rows.append(("calls that can fail", whole.calls_that_can_fail, parts.calls_that_can_fail))
    if whole.running is not None and parts.running is not None:
        faults = (len(whole.running.faults), len(parts.running.faults))
        rows.append(("different faults of the catalogue", *faults))
    return rows


def _figures(arms: Sequence[Arm]) -> tuple[Figure, ...]:
    wanted = {
        "deployables", "lines, largest deployable", "lines on the way of an order",
        "contracts between processes", "processes started", "database servers",
        "settings, each process's", "containers", "start-up dependencies",
        "calls that can fail", "different faults of the catalogue",
    }  # fmt: skip
    rows = [row for _, table in _tables(arms) for row in table if row[0] in wanted]
    found = [counts_figure(rows)]
    if calls := _call_rows(arms):
        found.append(calls_figure(calls))
    return tuple(found)


def _call_rows(arms: Sequence[Arm]) -> list[CallRow]:
    whole, parts = ({each.operation: each for each in arm.calls} for arm in arms)
    return [
        CallRow(
            words(name),
            (between_processes(whole[name]), between_processes(parts[name])),
            (to_databases(whole[name]), to_databases(parts[name])),
        )
        for name in whole
        if name in parts
    ]


def _context(
    found: Counted, arms: Sequence[Arm], verdicts: Sequence[Verdict]
) -> Mapping[str, object]:
    return {
        "lead": _lead(found, arms),
        "heads": _HEADS,
        "tables": [(caption, [_row(each) for each in rows]) for caption, rows in _tables(arms)],
        "deployables": [row for arm in arms for row in _deployable_rows(arm)],
        "calls": [_call_row(each) for arm in arms for each in arm.calls],
        "requests": found.requests,
        "failed": sum(each.failed for each in found.calls),
        "alone": _alone_rows(found),
        "databases": _database_rows(found),
        "verdicts": [verdict_fields(verdict) for verdict in verdicts],
        "rules": list(dict.fromkeys(verdict.rule for verdict in verdicts)),
    }


def _row(row: tuple[str, float, float]) -> list[str]:
    return [row[0], *(f"{round(value):,}" for value in row[1:])]


def _deployable_rows(arm: Arm) -> list[list[str]]:
    return [
        [
            *(f"{arm.name} · {size.name}", f"{size.own:,}", f"{size.shared:,}"),
            *(str(len(each.routes)), str(len(each.settings)), str(len(each.migrations))),
        ]
        for size, each in zip(arm.sizes, arm.deployables, strict=True)
    ]


def _call_row(each: OperationCalls) -> list[str]:
    passes = ", ".join(f"{hop} {count:.1f}" for hop, count in each.calls.items())
    return [
        f"{words(each.operation)} · {each.deployment}",
        f"{between_processes(each):.1f}",
        f"{to_databases(each):.1f}",
        f"{each.bytes_sent:,.0f}",
        f"{each.statements:.1f}",
        f"{each.commits:.1f}",
        passes or "–",
    ]


def _alone_rows(found: Counted) -> list[list[str]]:
    return [
        [
            f"{each.deployment} · {each.unit}" if each.unit != each.deployment else each.unit,
            {"yes": "stands", "no": "does not", "not tried": "not tried"}[each.stands],
            each.reached or "–",
            str(each.checks),
            each.detail or "–",
        ]
        for each in found.alone
        if each.repetition == 0
    ]


def _database_rows(found: Counted) -> list[list[str]]:
    rows = []
    for name in dict.fromkeys(each.deployment for each in found.databases):
        tries = opened(found.databases, name)
        own = [each for each in found.databases if each.deployment == name]
        answers = dict.fromkeys(each.detail.partition(' "')[0] or each.opened for each in own)
        most = max(each.tables for each in own)
        rows.append([name, f"{tries.yes} of {tries.made}", str(most), "; ".join(answers)])
    return rows


def _cells(found: Counted, arms: Sequence[Arm]) -> tuple[TableCell, ...]:
    cells = []
    for arm in arms:
        tries = standing_alone(found.alone, arm.name, "deployable")
        alone = f", {tries.yes} of {tries.made} stand alone" if tries.made else ""
        inner = f", {arm.inner_contracts} contracts between them" if arm.inner_contracts else ""
        what = "deployables" if len(arm.deployables) > 1 else "deployable"
        most = "largest " if len(arm.deployables) > 1 else ""
        text = f"{len(arm.deployables)} {what}{alone}; {most}{arm.largest.lines:,} lines{inner}"
        cells.append(TableCell("codebase", arm.name, NAME, text))
        if arm.machinery is not None:
            kept = arm.machinery
            text = (
                f"to set up: {len(kept.services)} containers, {len(kept.images)} images, "
                f"{len(kept.dependencies)} start-up dependencies, {len(kept.settings)} settings"
            )
            cells.append(TableCell("deployment", arm.name, NAME, text))
        if arm.running is not None and arm.calls:
            order = next(each for each in arm.calls if each.operation == "order")
            text = (
                f"{len(arm.running.processes) + len(arm.running.servers)} processes and servers, "
                f"{arm.settings} settings; an order makes "
                f"{_calls(between_processes(order))} between processes and "
                f"{order.commits:.1f} commits; {arm.failure_modes} ways to fail"
            )
            cells.append(TableCell("complexity", arm.name, NAME, text))
    return tuple(cells)


def _csv(found: Counted, arms: Sequence[Arm]) -> dict[str, list[dict[str, object]]]:
    counts = [(c, *row) for c, rows in _tables(arms) for row in rows]
    return {
        "complexity_counts": [
            {"table": caption, "what": what, "monolith": one, "microservices": other}
            for caption, what, one, other in counts
        ],
        "complexity_calls": [
            {"deployment": each.deployment, "operation": each.operation,
             "between_processes": between_processes(each), "to_databases": to_databases(each),
             "bytes": each.bytes_sent, "statements": each.statements, "commits": each.commits}
            for each in found.calls
        ],
    }  # fmt: skip


def _sentence(verdict: Verdict, parts: Sequence[str]) -> str:
    ratio = f" (×{number(verdict.estimate)})" if verdict.estimate is not None else ""
    return f"{_SAID[verdict.metric]}: {verdict.note}{ratio}."


_SAID = {
    "deployables_standing_alone": "Built, started and asked without the others' code on disk",
    "foreign_databases_opened": "Databases of others that a service's role could open",
    "lines_per_deployable": (
        "Lines of code of the largest service, what it shares included, against the monolith's"
    ),
    "deployment_parts": (
        "To set up in containers (containers, images, start-up dependencies, settings, volumes), "
        "services against monolith"
    ),
    "moving_parts": (
        "Processes, database servers, databases, contracts and settings, services against monolith"
    ),
    "failure_modes": "Fault points and calls that can fail, services against monolith",
}
_MAKERS = {NAME: _sentence}
