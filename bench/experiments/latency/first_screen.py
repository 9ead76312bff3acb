"""What the paired rounds bring to the first screen: the answer's clauses, tiles, words of trust.

Neighbours: `findings` has the answers, `words` says every one of them.
"""

from collections.abc import Iterator, Sequence

from bench.experiments.latency.findings import Findings
from bench.experiments.latency.records import NAME, OF_TWO
from bench.experiments.latency.words import BUSY_CORES, SPLIT, WHOLE
from bench.report.measures import level_of
from bench.report.naming import interval, number
from bench.report.tiles import Tile, state_of
from bench.results.paired.judge import Answer, role_words
from bench.results.paired.rounds import MIX, Metric

_STEPS = {
    SPLIT: "splitting this shop into services",
    WHOLE: "going from the Django monolith to these services (framework included)",
}
_ROLES = ("order", "product_read", "overview", MIX)  # the first that was measured is told
_TILES: tuple[tuple[str, Metric, str], ...] = (
    ("product_read", "time", "Time of a read"),
    ("order", "time", "Time of an order"),
    ("overview", "time", "Time of the overview"),
    (MIX, "cpu", "CPU of a request"),
)
_UNITS = {"time": "ms", "cpu": "ms of CPU"}
_WORDS = {"time": ("faster", "slower"), "cpu": ("cheaper", "dearer")}


def answer(found: Findings) -> tuple[str, ...]:
    """Return a clause for the architecture's step, then one for the whole way; as far as asked."""
    named = [each for each in found.answers if each.question.family]
    clauses = (_clause(step, _of_pair(named, pair)) for pair, step in _STEPS.items())
    return tuple(clause for clause in clauses if clause)


def _of_pair(named: Sequence[Answer], pair: tuple[str, str]) -> list[Answer]:
    """Time and CPU of the operation that is told."""
    own = [a for a in named if (a.question.numerator, a.question.denominator) == pair]
    told = [[a for a in own if a.question.role == role] for role in _ROLES]
    return next((each for each in told if each), [])


def _clause(step: str, answers: Sequence[Answer]) -> str:
    """`splitting ... makes an order take 1.56 times as long and cost 1.64 times the CPU`."""
    if not answers:
        return ""
    what = role_words(answers[0].question.role)
    said = [text for each in answers if (text := _size(each))]
    unsaid = _open([each for each in answers if not _size(each)])
    if not said:
        return f"what {step} does to {what} is not decided: {unsaid}"
    clause = f"{step} makes {what} {' and '.join(said)}"
    return f"{clause}, while {unsaid} is not decided" if unsaid else clause


def _size(answer: Answer) -> str:
    """What is decided, as the end of a sentence; "" where nothing is."""
    ratio, time = answer.narrow, answer.question.metric == "time"
    if not answer.decided or ratio is None:
        return ""
    if answer.decision.word == "no difference shown":
        return "take as long as before" if time else "cost as much CPU as before"
    times = f"{ratio.estimate:.2f} times"
    return f"take {times} as long" if time else f"cost {times} the CPU"


def _open(answers: Sequence[Answer]) -> str:
    """What is not decided: its ratio, else why there is none, once for all that share it."""
    found: dict[str, list[str]] = {}
    for answer in answers:
        what = "its time" if answer.question.metric == "time" else "its CPU"
        ratio = answer.narrow
        why = f"×{ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else ""
        found.setdefault(why or answer.decision.reason, []).append(what)
    return ", ".join(f"{' and '.join(whats)} ({why})" for why, whats in found.items())


def tiles(found: Findings) -> tuple[Tile, ...]:
    """Return time of read, order and overview and CPU of a request, monolith and services."""
    return tuple(_tiles(found))


def _tiles(found: Findings) -> Iterator[Tile]:
    own = {
        (a.question.role, a.question.metric): a
        for a in found.answers
        if (a.question.numerator, a.question.denominator) == WHOLE
    }
    for role, metric, title in _TILES:
        judged = own.get((role, metric))
        top, base = (level_of(found.rounds.values(name, role, metric)) for name in WHOLE)
        if judged is None or top is None or base is None:
            continue
        if judged.narrow is None and len(found.rounds.starts) > 1:
            continue  # wrong answers: their times are not compared
        yield Tile(
            title=title,
            monolith=base.value,
            microservices=top.value,
            unit=_UNITS[metric],
            words=_WORDS[metric],
            evidence=_evidence(judged),
            state=state_of(judged.decision.word),
        )


def _evidence(judged: Answer) -> str:
    ratio = judged.narrow
    if ratio is None:
        return judged.decision.reason
    ends = interval(ratio.low, ratio.high)
    return f"×{number(ratio.estimate)} {ends}, {ratio.n_blocks} starts"


def trust(found: Findings) -> str:
    """Return starts, seconds, whether the machine was busy, and what the bench itself is off by."""
    if not found.rounds.starts:
        return ""
    trials = [s.trial for s in found.data.samples_of(NAME, OF_TWO)]
    seconds = sum(t.measured_s for t in trials if t.deployment == trials[0].deployment)
    count = len(found.rounds.starts)
    told = [f"{count} start{'s' if count != 1 else ''}, {seconds:.0f} s measured"]
    foreign = [t.facts["foreign_cores"] for t in trials if "foreign_cores" in t.facts]
    if foreign and sum(foreign) / len(foreign) > BUSY_CORES:
        cores = sum(foreign) / len(foreign)
        told.append(f"busy machine: other programs used {cores:.2f} cores, intervals are wide")
    twins = {role: abs(t.estimate - 1) for (role, metric), t in found.twins.items()
             if metric == "time"}  # fmt: skip
    if twins:
        most = max(twins, key=lambda role: twins[role])
        told.append(f"same code against itself within {100 * twins[most]:.1f} %")
    return "; ".join(told)
