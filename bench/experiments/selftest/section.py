"""Section 'The benchmark, benchmarked': what the selftest of this machine showed."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.experiments.selftest.figures import sets_figure
from bench.report.naming import number
from bench.report.section import Section
from bench.results.dataset import RunData

ANCHOR, TITLE = "selftest", "The benchmark, benchmarked"
_NONE = "No selftest on this machine yet: run `shopbench selftest`."
_PART_NAMES = {
    "planted": "Planted effects",
    "busy": "Busy neighbours",
    "disturbance": "Do deployments disturb each other?",
    "gates": "Gates tripped on purpose",
    "generator": "Load generator",
}
_LIMIT = 0.03  # by which a ratio may move between rounds of two and of five


def sections(data: RunData) -> list[Section]:
    """Return the section of every report."""
    return [section(data)]


def section(data: RunData) -> Section:
    """Return the section of every report; without a selftest it is only a limit of the run."""
    found = data.journal.settings.get("selftest")
    found = found if isinstance(found, Mapping) else {}
    known: Mapping[str, Any] = found.get("parts") or {}
    parts = {name: known[name] for name in _PART_NAMES if name in known}
    if not parts:
        return Section(ANCHOR, TITLE, limits=(str(found.get("missing", "")) or _NONE,))
    figure = sets_figure(parts.get("planted", {}))
    told = [_verdict(parts), disturbance_words(parts.get("disturbance", {}))]
    return Section(
        anchor=ANCHOR,
        title=TITLE,
        template="selftest/section.html",
        context={
            "told": [text for text in told if text],
            "rows": [row for part in parts for row in _rows(parts, part)],
            "origins": [_origin(name, parts[name]) for name in parts],
            "effects": [_effect(each) for each in parts.get("planted", {}).get("effects", [])],
            "gates": [_gate(each) for each in parts.get("gates", {}).get("gates", [])],
        },
        figures=(figure,) if figure is not None else (),
        summary=tuple(text for text in told if text),
        folded=_verdict(parts),
    )


def disturbance_words(part: Mapping[str, Any]) -> str:
    """Return in a sentence whether deployments disturb each other; "" if nobody looked."""
    rows: Sequence[Mapping[str, Any]] = part.get("disturbance") or ()
    if not rows:
        return ""
    moved = {row["what"]: row["moved"][0] - 1 for row in rows}
    most = max(moved, key=lambda what: abs(moved[what]))
    beyond = [f"{what} ({by:+.1%})" for what, by in moved.items() if abs(by) > _LIMIT]
    if beyond:
        return (
            "With five deployments up these ratios of microservices to the monolith come out "
            f"otherwise than with two, by more than {_LIMIT:.0%}: {', '.join(beyond)}."
        )
    return (
        "Deployments do not disturb each other: with five up no named ratio moved by more than "
        f"{_LIMIT:.0%} against two ({most} the most, {moved[most]:+.1%})."
    )


def _verdict(parts: Mapping[str, Any]) -> str:
    """One sentence over all outcomes."""
    words = [row["word"] for part in parts.values() for row in part.get("outcomes", [])]
    judged = [word for word in words if word != "not judged"]
    text = f"Selftest of this machine: {judged.count('met')} of {len(judged)} requirements met"
    left = len(words) - len(judged)
    text += f", {left} not judged." if left else "."
    absent = [name for name in _PART_NAMES if name not in parts]
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


def _effect(each: Mapping[str, Any]) -> list[str]:
    """A row of the table of the smallest effects: 1, 8 and 40 minutes."""
    cells = [
        "–" if smallest is None else f"{smallest:.1%} ({starts} starts)"
        for smallest, starts in zip(each["smallest"], each["starts"], strict=True)
    ]
    return [str(each["what"]).removeprefix("A/A, "), *cells]


def _gate(each: Mapping[str, Any]) -> list[str]:
    cells = [each["gate"].replace("_", " "), each["how"]]
    for side in ("disturbed", "control"):
        gate = each[side]
        value = number(gate["value"]) if gate["value"] is not None else "–"
        limit = number(gate["limit"]) if gate["limit"] is not None else "–"
        cells.append(f"{gate['outcome']}: {value} {gate['unit']} (limit {limit})")
    return [*cells, str(each["tries"]) if each["tries"] else "fed"]
