"""Section 'The benchmark, benchmarked': what the selftest of this machine showed."""

from collections.abc import Mapping
from typing import Any

from bench.report.dataset import RunData
from bench.report.figures.selftest import noise_figure, sets_figure
from bench.report.naming import number
from bench.report.sections.base import Section

ANCHOR, TITLE = "selftest", "The benchmark, benchmarked"
_NONE = "No selftest on this machine yet: run `shopbench selftest`."
_PART_NAMES = {
    "gates": "Validity gates tripped on purpose",
    "planted": "Planted effects, real trials",
    "aa": "The shop against itself",
    "coverage": "Intervals over resamples of recorded blocks",
    "generator": "Load generator",
}


def section(data: RunData) -> Section:
    """Return the section of every report; without a selftest it says so."""
    found = data.journal.settings.get("selftest")
    found = found if isinstance(found, Mapping) else {}
    parts: Mapping[str, Any] = found.get("parts") or {}
    figures = [sets_figure(parts.get("planted", {})), noise_figure(parts.get("aa", {}))]
    missing = str(found.get("missing", "")) or _NONE
    return Section(
        anchor=ANCHOR,
        title=TITLE,
        after="quality",
        template="sections/selftest.html",
        context={
            "missing": "" if parts else missing,
            "verdict": _verdict(parts),
            "rows": [row for part in _PART_NAMES if part in parts for row in _rows(parts, part)],
            "origins": [_origin(name, parts[name]) for name in _PART_NAMES if name in parts],
            "coverage": [_coverage(each) for each in parts.get("coverage", {}).get("coverage", [])],
            "gates": [_gate(each) for each in parts.get("gates", {}).get("gates", [])],
        },
        figures=tuple(figure for figure in figures if figure is not None),
        summary=(_verdict(parts) if parts else missing,),
    )


def _verdict(parts: Mapping[str, Any]) -> str:
    """One sentence over all outcomes."""
    words = [row["word"] for part in parts.values() for row in part.get("outcomes", [])]
    judged = [word for word in words if word != "not judged"]
    met = judged.count("met")
    text = f"Selftest of this machine: {met} of {len(judged)} requirements met"
    left = len(words) - len(judged)
    text += f", {left} not judged." if left else "."
    absent = [name for name in ("gates", "planted", "aa", "coverage") if name not in parts]
    return text + (f" Parts not run: {', '.join(absent)}." if absent else "")


def _rows(parts: Mapping[str, Any], part: str) -> list[list[str]]:
    return [
        [_PART_NAMES[part], row["what"], row["found"], row["required"], row["word"], row["note"]]
        for row in parts[part].get("outcomes", [])
        if part != "gates" or row["word"] == "not met"
    ] or _gate_summary(parts, part)


def _gate_summary(parts: Mapping[str, Any], part: str) -> list[list[str]]:
    rows = parts[part].get("outcomes", [])
    met = sum(row["word"] == "met" for row in rows)
    word = "met" if rows and met == len(rows) else "not judged"
    found = f"{met} of {len(rows)}" if word == "met" else "–"
    required = "every gate trips when disturbed and passes when not"
    return [[_PART_NAMES[part], "gates", found, required, word, ""]]


def _origin(name: str, part: Mapping[str, Any]) -> list[str]:
    commit = str(part.get("commit", ""))[:12] + (" + local changes" if part.get("dirty") else "")
    return [_PART_NAMES[name], str(part.get("at", ""))[:16].replace("T", " "),
            str(part.get("profile", "")), commit, str(part.get("run", ""))]  # fmt: skip


def _coverage(each: Mapping[str, Any]) -> list[str]:
    n = each["n"]
    shares = [each[name] / n for name in ("covered", "rule_covered", "called", "rule_called")]
    ordered = each.get("ordered_covered")
    blocks = f"{each['blocks']}" if each["blocks"] else "–"
    return [f"{each['name']} ({each['kind']})", blocks, f"{n:,}", *(f"{s:.1%}" for s in shares),
            "–" if ordered is None else f"{ordered / n:.1%}"]  # fmt: skip


def _gate(each: Mapping[str, Any]) -> list[str]:
    cells = [each["gate"].replace("_", " "), each["how"]]
    for side in ("disturbed", "control"):
        gate = each[side]
        value = number(gate["value"]) if gate["value"] is not None else "–"
        limit = number(gate["limit"]) if gate["limit"] is not None else "–"
        cells.append(f"{gate['outcome']}: {value} {gate['unit']} (limit {limit})")
    return [*cells, str(each["tries"]) if each["tries"] else "fed"]
