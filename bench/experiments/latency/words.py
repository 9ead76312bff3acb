"""What the paired rounds found in plain words, undecided things included, and how far to trust it.

Neighbour: `bench.results.paired.judge` decided.
"""

from collections.abc import Sequence

from bench.experiments.latency.findings import Findings
from bench.experiments.latency.records import NAME, OF_TWO
from bench.results.paired.disturbance import Shift
from bench.results.paired.judge import Answer, role_words
from bench.results.paired.rounds import MIX

SPLIT = ("microservices", "modular-split")
WHOLE = ("microservices", "monolith")
_LEADS = {
    SPLIT: "Splitting the same code into five processes",
    WHOLE: "Going from the Django monolith to the aiohttp services",
}
BUSY_CORES = 0.10  # of foreign work, above which a reader should know


def sentences(found: Findings) -> list[str]:
    """Return the named ratios in a few sentences, architecture first, then what is not decided."""
    answers = [answer for answer in found.answers if answer.question.family]
    return [line for pair in _LEADS for line in _pair_lines(answers, pair)]


def _pair_lines(answers: Sequence[Answer], pair: tuple[str, str]) -> list[str]:
    """The decided ratios of a pair in one sentence, and why others are not decided."""
    own = [a for a in answers if (a.question.numerator, a.question.denominator) == pair]
    known = [a for a in own if a.decided and a.narrow is not None]
    lines = []
    for metric, verb in (("time", "take"), ("cpu", "cost")):
        told = [_clause(a) for a in known if a.question.metric == metric]
        if told:
            lines.append(f"{_LEADS[pair]} makes {_joined(told, verb)}.")
    return [*lines, *_undecided([a for a in own if not a.decided], pair)]


def _undecided(answers: Sequence[Answer], pair: tuple[str, str]) -> list[str]:
    """One line a reason, with every metric that it keeps from a word."""
    found: dict[str, list[str]] = {}
    for answer in answers:
        told = f"{answer.question.subject}{_number(answer)}"
        found.setdefault(answer.decision.reason, []).append(told)
    against = f"{pair[0]} against {pair[1]}"
    return [f"Not decided, {against}: {'; '.join(told)}: {why}." for why, told in found.items()]


def _joined(clauses: Sequence[tuple[str, str]], verb: str) -> str:
    """'an order take 1.60 times as long [1.55, 1.66], the overview 2.61 times …'."""
    unit = "as long" if verb == "take" else "the CPU"
    first, *rest = clauses
    parts = [f"{first[0]} {verb} {first[1].replace('@', unit)}"]
    parts += [f"{what} {size.replace('@', unit)}" for what, size in rest]
    return ", ".join(parts)


def _clause(answer: Answer) -> tuple[str, str]:
    ratio = answer.narrow
    assert ratio is not None
    what = role_words(answer.question.role)
    if answer.question.role == MIX:
        what = "the mix of them"
    if answer.decision.word == "no difference shown":
        return what, f"no more and no less than before (×{ratio.estimate:.2f}, within 3 %)"
    return what, f"{ratio.estimate:.2f} times @ [{ratio.low:.2f}, {ratio.high:.2f}]"


def _number(answer: Answer) -> str:
    ratio = answer.narrow
    return f", ×{ratio.estimate:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else ""


def trust_line(found: Findings) -> str:
    """Return in one line how far the paired rounds can be trusted; "" without any."""
    if not found.rounds.starts:
        return ""
    trials = [s.trial for s in found.data.samples_of(NAME, OF_TWO)]
    seconds = sum(t.measured_s for t in trials if t.deployment == trials[0].deployment)
    told = [
        f"{_starts(len(found.rounds.starts))} of {len(found.rounds.deployments)} deployments "
        "together",
        f"{seconds:.0f} s of rounds",
    ]
    foreign = [t.facts["foreign_cores"] for t in trials if "foreign_cores" in t.facts]
    if foreign:
        cores = sum(foreign) / len(foreign)
        busy = "busy machine, intervals are wide because of it: " if cores > BUSY_CORES else ""
        told.append(f"{busy}other programs used {cores:.2f} cores")
    if found.client_ms is not None:
        told.append(f"{found.client_ms:.2f} ms of every time are the client's own")
    twins = [(role, each) for (role, metric), each in found.twins.items() if metric == "time"]
    if twins:
        said = ", ".join(f"{role_words(role)} ×{each.estimate:.3f}" for role, each in twins)
        told.append(f"the same code against itself: {said}")
    if found.disturbance:
        told.append(_disturbance_words(found.disturbance))
    return "; ".join(told) + "."


def _disturbance_words(shifts: Sequence[Shift]) -> str:
    """Whether the deployments disturb each other by being up together."""
    most = max(shifts, key=lambda each: abs(each.moved.log_mean))
    moved = most.moved
    what = f"{'time' if most.metric == 'time' else 'CPU'} of {role_words(most.role)}"
    far = any(each.too_far for each in shifts)
    so = "; the named ratios against the monolith are therefore from rounds of two" if far else ""
    return (
        "in rounds of two instead of all, a named ratio against the monolith moves by at most "
        f"{abs(moved.estimate - 1):.1%} ({what}, all : two ×{moved.estimate:.3f} "
        f"[{moved.low:.3f}, {moved.high:.3f}]){so}"
    )


def _starts(number: int) -> str:
    return "1 start" if number == 1 else f"{number} starts"
