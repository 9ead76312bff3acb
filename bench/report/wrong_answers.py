"""Wrong answers as a finding: a share and an example instead of a time ratio.

Neighbours: `network` and `topologies` give no ratio where `findings` says something.
"""

from collections.abc import Iterable, Sequence

from bench.report.naming import ALL, words
from bench.report.selection import Cell
from bench.results.dataset import TrialSample
from bench.results.journal import WrongAnswers

WRONG_LIMIT = 0.001  # of an operation's answers in one arm; below, the percentiles hold them


def findings(cell: Cell, deployments: Iterable[str], operation: str) -> str:
    """Say why a cell gives no time ratio: what these deployments answered wrongly; "" if little."""
    told = [finding(cell.samples(name), name, operation) for name in deployments]
    said = "; ".join(text for text in told if text)
    return f"a finding, no timing: {said}" if said else ""


def finding(samples: Sequence[TrialSample], deployment: str, operation: str) -> str:
    """Say how many answers of an operation (`all`: of any) were wrong in trials; "" if few were.

    The rows count failed answers; of answers that break the contract's schema some are sampled, and
    one is enough.
    """
    names = {name for sample in samples for name in sample.slices}
    asked = sorted(names) if operation == ALL else [operation]
    found = [_told(samples, name) for name in asked]
    told = "; ".join(text for text in found if text)
    return f"{deployment} answered {told}" if told else ""


def _told(samples: Sequence[TrialSample], operation: str) -> str:
    recorded = [w for s in samples for w in s.trial.wrong if w.operation == operation]
    failed = sum(sample.failures.get(operation, 0) for sample in samples)
    answers = sum(sample.response[sample.where(operation)].size for sample in samples)
    if answers and failed / answers > WRONG_LIMIT:
        share = f"{failed / answers:.2%} of {words(operation)} wrongly"
        return f"{share} ({failed} of {answers}{_example(recorded, samples)})"
    off_schema = [each for each in recorded if each.sampled]
    if off_schema:
        wrong = sum(each.wrong for each in off_schema)
        return f"{words(operation)} against the contract ({wrong} sampled{_shown(off_schema)})"
    return ""


def _example(recorded: Sequence[WrongAnswers], samples: Iterable[TrialSample]) -> str:
    """The most frequent reason, with an answer if one was kept."""
    if not recorded:
        counts: dict[str, int] = {}
        for sample in samples:
            for error, count in sample.errors.items():
                counts[error] = counts.get(error, 0) + count
        return f"; most often {max(counts, key=lambda name: counts[name])}" if counts else ""
    most = max(recorded, key=lambda each: each.wrong)
    return f"; most often {most.error}{_shown([most, *recorded])}"


def _shown(recorded: Sequence[WrongAnswers]) -> str:
    example = next((each.example for each in recorded if each.example), "")
    return f", for example {example}" if example else ""
