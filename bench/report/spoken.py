"""Verdicts as a person would say them, for the first lines.

Neighbours: each experiment's section brings the sentences of its own verdicts.
"""

from collections.abc import Callable, Mapping, Sequence

from bench.report.fields import verdict_line
from bench.report.naming import interval
from bench.results.verdict import Verdict

Maker = Callable[[Verdict, list[str]], str]
_DECIDED = ("supported", "refuted")


def said(
    verdicts: Sequence[Verdict],
    makers: Mapping[str, Maker],
    worth_saying: Callable[[Verdict], bool] = lambda verdict: False,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (sentences of what is decided or worth saying, lines of what is not).

    `makers`: a sentence by the first two parts of a verdict's id, or by its first; it gets the
    verdict and the parts. What has none is said as its question and word.
    """
    decided = [v for v in verdicts if v.verdict in _DECIDED or worth_saying(v)]
    others = [v for v in verdicts if v not in decided]
    return tuple(_sentence(v, makers) for v in decided), tuple(map(verdict_line, others))


def sure(verdict: Verdict) -> str:
    """Return the interval, "" where there is none."""
    return interval(verdict.low, verdict.high) if verdict.low is not None else ""


def _sentence(verdict: Verdict, makers: Mapping[str, Maker]) -> str:
    parts = verdict.id.split("/")
    maker = makers.get("/".join(parts[:2])) or makers.get(parts[0])
    return maker(verdict, parts) if maker else verdict_line(verdict)
