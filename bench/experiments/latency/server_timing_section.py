"""Section 'Where the time goes': database, application, outside, by operation and deployment."""

from collections.abc import Sequence
from typing import Any

from bench.experiments.latency.figures.server_timing import share_bars
from bench.experiments.latency.findings import Findings
from bench.experiments.latency.server_timing import PARTS, WHOLE, Account, Gap, accounts, gaps
from bench.report.naming import ALL, load_label, number, words
from bench.report.questions import NAMED_ROLES, PAIRS, headline_cell, main_mix, reference_cell
from bench.report.section import Section
from bench.report.selection import Cell
from bench.stats.means import MeanInterval

_NOTHING_MS = 0.0005
ANCHOR, TITLE = "time", "Where the time goes"


def server_timing(found: Findings) -> Section | None:
    """Return the section; None where no answer states the server's time."""
    cells = found.cells
    settings = found.data.journal.settings
    places = {role: headline_cell(settings, cells, role) for role in NAMED_ROLES}
    chosen = [place for place in places.values() if place is not None]
    main = main_mix(cells)
    if not chosen and main is not None and (cell := reference_cell(cells, main)):
        chosen = [(cell, cell.shown_operations[0])]
    groups = {_heading(cell, operation): accounts(cell, operation) for cell, operation in chosen}
    figure = share_bars(groups, "shares")
    if figure is None:
        return None
    shown = list(dict.fromkeys(cell.key for cell, _ in chosen))
    every = [(cell, op) for cell in cells if cell.key in shown for op in cell.shown_operations]
    pairs = [(numerator, denominator) for numerator, denominator, _ in PAIRS]
    gap_rows = [_gap_row(cell, gap) for cell, op in chosen for gap in gaps(cell, op, pairs)]
    sentences = [_sentence(cell, gap) for cell, op in chosen for gap in gaps(cell, op, pairs)[:1]]
    return Section(
        anchor=ANCHOR,
        title=TITLE,
        template="latency/server_timing.html",
        context={
            "sentences": sentences,
            "gaps": gap_rows,
            "rows": [_row(a) for cell, op in every for a in accounts(cell, op)],
        },
        figures=(figure,),
        summary=("\n".join(f"- {text}" for text in sentences),) if sentences else (),
    )


def _heading(cell: Cell, operation: str) -> str:
    if cell.in_rounds:
        return words(cell.mix)
    name = words(cell.mix) if len(cell.operations) < 2 else f"{words(cell.mix)} mix"
    name = name.replace("mixed mix", "mixed load")
    where = load_label(cell.offered_rps)
    if operation == ALL:
        return f"{name}, {where}"
    return f"{words(operation)} ({name}, {where})"


def _row(account: Account) -> list[str]:
    parts = [
        f"{number(account.means_ms[part])} ms · {_share(account.shares[part])} "
        f"{_share_interval(account.intervals[part])}".rstrip()
        for part in PARTS
    ]
    name = f"{_heading(account.cell, account.operation)} · {account.deployment}"
    return [name, f"{account.requests:,}", number(account.means_ms[WHOLE]), *parts]


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _share_interval(found: MeanInterval | None) -> str:
    if found is None:
        return ""
    return f"[{100 * max(0.0, found.low):.1f}, {100 * min(1.0, found.high):.1f}]"


def _gap_row(cell: Cell, gap: Gap) -> dict[str, Any]:
    return {
        "what": _heading(cell, gap.operation),
        "pair": f"{gap.numerator} − {gap.denominator}",
        "blocks": gap.parts[WHOLE].n,
        "cells": [_signed(gap.parts[part]).split(" ", 1) for part in (WHOLE, *PARTS)],
    }


def _signed(found: MeanInterval) -> str:
    return f"{_sign(found.mean)} [{_sign(found.low)}, {_sign(found.high)}]"


def _sign(value: float) -> str:
    if abs(value) < _NOTHING_MS:
        return "±0"
    return f"{'−' if value < 0 else '+'}{number(abs(value), 2)}"


def _sentence(cell: Cell, gap: Gap) -> str:
    """The largest difference of the response time, and which parts make it up."""
    parts: Sequence[str] = sorted(PARTS, key=lambda part: -abs(gap.parts[part].mean))
    split = ", ".join(f"{part} {_sign(gap.parts[part].mean)}" for part in parts)
    return (
        f"{_heading(cell, gap.operation)}: {gap.numerator} − {gap.denominator} = "
        f"{_signed(gap.parts[WHOLE])} ms of mean response time: {split} ms."
    )
