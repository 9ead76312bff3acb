"""Which ratios a run is asked for, by rules fixed before it, and the word each one gets.

Named beforehand (Holm over eight): time and CPU of product read, order, overview and the mix, for
microservices : monolith, and as a second family for microservices : modular-split. All other pairs
and operations are exploratory, at 95 %. Neighbours: `rounds` has the ratios, `disturbance` says
whether they depend on how many take part, `stats.verdicts` has the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.results.paired.disturbance import Shift, shifts_of
from bench.results.paired.rounds import (
    METRICS,
    MIX,
    Metric,
    PairedRounds,
    StartLogs,
    is_twin,
    twin_of,
)
from bench.stats.errors import StatisticsError
from bench.stats.multiplicity import holm
from bench.stats.paired import PairedRatio, paired_ratio
from bench.stats.rounds import MIN_STARTS, Twin, enough, twin
from bench.stats.verdicts import Claim, Decision, decide

LADDER = ("monolith", "modular", "modular-split", "microservices")
FAMILIES = (("microservices", "monolith"), ("microservices", "modular-split"))
NAMED_ROLES = ("product_read", "order", "overview", MIX)
# Between the frameworks neither side is claimed to be faster; a boundary is claimed to cost.
_UNCLAIMED = {("modular", "monolith"), ("modular-split", "monolith")}
LEVEL = 0.95
_KIND = {"time": "p50", "cpu": "cpu"}  # of the thresholds in `stats.verdicts`

_NOUNS = {
    "product_read": "a product read",
    "wallet_read": "a wallet read",
    "order": "an order",
    "overview": "the overview",
    MIX: "the mix of requests",
}


@dataclass(frozen=True)
class Question:
    """One ratio numerator / denominator. `family`: of those named beforehand; "" exploratory."""

    numerator: str
    denominator: str
    role: str
    metric: Metric
    claim: Claim
    family: str = ""

    @property
    def id(self) -> str:
        """Stable within a run."""
        return f"{self.role}/{self.numerator}:{self.denominator}/{self.metric}"

    @property
    def subject(self) -> str:
        """What is compared, in words: `time of an order`."""
        what = "time" if self.metric == "time" else "CPU"
        return f"{what} of {role_words(self.role)}"


@dataclass(frozen=True)
class Answer:
    """What the starts say to a question.

    `ratio` at `level` (Holm's for a named question) judges, `narrow` is at 95 %; None: no ratio
    can be given. `enough`: why no further start is needed, "" if one is.
    """

    question: Question
    logs: StartLogs
    level: float
    ratio: PairedRatio | None
    narrow: PairedRatio | None
    decision: Decision
    enough: str

    @property
    def decided(self) -> bool:
        """Whether there is a word that says something."""
        return self.decision.word in ("supported", "refuted", "no difference shown")


def questions_of(rounds: PairedRounds) -> list[Question]:
    """Return every question the deployments and operations of a run can be asked, named first."""
    present = [name for name in rounds.deployments if not is_twin(name)]
    ordered = [n for n in LADDER if n in present] + [n for n in present if n not in LADDER]
    pairs = [(top, bottom) for bottom, top in combinations(ordered, 2)]
    found = [
        _question(pair, role, metric)
        for pair in sorted(pairs, key=lambda pair: (pair not in FAMILIES, pair not in _steps()))
        for role in rounds.roles
        for metric in METRICS
    ]
    return sorted(found, key=lambda question: not question.family)


def answers_of(rounds: PairedRounds, two: PairedRounds | None = None) -> list[Answer]:
    """Answer every question; a metric whose own twin is off gets no verdict.

    `two`: rounds of the first named pair alone. Where they show that deployments disturb each
    other, that pair's named ratios are taken from them.
    """
    apart = two is not None and any(each.too_far for each in disturbance(rounds, two))
    questions, pair = questions_of(rounds), ":".join(FAMILIES[0])
    source = {q.id: two if two and apart and q.family == pair else rounds for q in questions}
    logs = {
        q.id: source[q.id].logs(q.numerator, q.denominator, q.role, q.metric) for q in questions
    }
    levels = _levels(questions, logs)
    twins = twins_of(rounds)
    return [_answer(source[q.id], q, logs[q.id], levels.get(q.id, LEVEL), twins) for q in questions]


def disturbance(rounds: PairedRounds, two: PairedRounds) -> list[Shift]:
    """How far each named ratio of the first pair moves between rounds of two and of all."""
    roles = [role for role in NAMED_ROLES if role in rounds.roles and role in two.roles]
    return [each for each in shifts_of(two, rounds, FAMILIES[0], roles) if len(each.two) > 1]


def twins_of(rounds: PairedRounds) -> dict[tuple[str, Metric], Twin]:
    """Return what the second instance of a deployment against the first gave, by (role, metric)."""
    found: dict[tuple[str, Metric], Twin] = {}
    for name in rounds.deployments:
        if twin_of(name) in rounds.deployments:
            for role in rounds.roles:
                for metric in METRICS:
                    logs = rounds.logs(twin_of(name), name, role, metric).logs
                    if len(logs) > 1:
                        found[role, metric] = twin(logs)
    return found


def all_enough(answers: Iterable[Answer]) -> bool:
    """Return whether no named metric needs a further start."""
    return all(answer.enough for answer in answers if answer.question.family)


def role_words(role: str) -> str:
    """Return an operation as a person would say it: `an order`."""
    return _NOUNS.get(role, role.replace("_", " "))


def sentence(answer: Answer) -> str:
    """Return an answer in plain words with its interval at 95 %."""
    question, ratio = answer.question, answer.narrow
    verb = "takes" if question.metric == "time" else "costs"
    top, bottom = question.numerator, question.denominator
    what = role_words(question.role)
    if ratio is None:
        return f"{question.subject} in {top} against {bottom}: {answer.decision.reason}"
    times = "as long as" if question.metric == "time" else "the CPU of"
    said = f"{what} {verb} {top} {ratio.estimate:.2f} times {times} {bottom}"
    said = said[0].upper() + said[1:]
    return f"{said} [{ratio.low:.2f}, {ratio.high:.2f}], {ratio.n_blocks} starts"


def _steps() -> list[tuple[str, str]]:
    return list(zip(LADDER[1:], LADDER, strict=False))


def _question(pair: tuple[str, str], role: str, metric: Metric) -> Question:
    claimed = set(pair) <= set(LADDER) and pair not in _UNCLAIMED
    named = pair in FAMILIES and role in NAMED_ROLES
    return Question(
        *pair, role, metric, "greater" if claimed else "different", ":".join(pair) if named else ""
    )


def _levels(questions: Sequence[Question], logs: dict[str, StartLogs]) -> dict[str, float]:
    """The level of each named question's interval: Holm within its family."""
    levels: dict[str, float] = {}
    for family in dict.fromkeys(q.family for q in questions if q.family):
        p_values = {
            q.id: paired_ratio(logs[q.id].logs).p_value
            for q in questions
            if q.family == family and len(logs[q.id].logs) > 1
        }
        levels |= {name: step.level for name, step in holm(p_values).items()} if p_values else {}
    return levels


def _answer(
    rounds: PairedRounds,
    question: Question,
    logs: StartLogs,
    level: float,
    twins: dict[tuple[str, Metric], Twin],
) -> Answer:
    failing = rounds.failing((question.numerator, question.denominator), question.role)
    if failing and question.metric == "time":
        why = f"no time to compare: {failing}"
        return Answer(question, logs, level, None, None, Decision("inconclusive", why), why)
    try:
        ratio, narrow = paired_ratio(logs.logs, level=level), paired_ratio(logs.logs)
    except StatisticsError:
        return Answer(question, logs, level, None, None, Decision("inconclusive", _few(logs)), "")
    kind = _KIND[question.metric]
    off = twins.get((question.role, question.metric))
    if off is not None and off.off:
        decision = Decision("invalid", _twin_words(off))
    else:
        decision = decide(
            ratio, claim=question.claim, kind=kind, min_blocks=MIN_STARTS, unit="starts"
        )
    return Answer(
        question, logs, level, ratio, narrow, decision, enough(logs.logs, level=level, kind=kind)
    )


def _few(logs: StartLogs) -> str:
    """Why there is no interval."""
    made = len(logs.logs)
    lost = f"; {logs.lost} gave none: {logs.why}" if logs.lost else ""
    return f"{made} {'start' if made == 1 else 'starts'}, an interval takes 2{lost}"


def _twin_words(off: Twin) -> str:
    return (
        f"the same code against itself came out ×{off.estimate:.3f} [{off.low:.3f}, "
        f"{off.high:.3f}] over {off.n_starts} starts: the bench is off by as much"
    )
