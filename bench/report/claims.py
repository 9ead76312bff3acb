"""What one run, or several, found for each claim of the registry, and what would where none did.

Neighbours: `bench.claims` holds the claims, `comparison` makes the table, `merged_runs` reads runs.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from bench.claims import Claim, Registry, registry
from bench.results.journal import TableCell, Verdict, VerdictWord
from bench.results.verdict import EXPLORATORY, NAMED, experiment_of

Word = VerdictWord | Literal["mixed", ""]
Lack = Literal["", "by hand", "not measured", "without a verdict"]

_OPPOSED = ({"supported", "refuted"}, {"reached", "not reached"})


@dataclass(frozen=True)
class Evidence:
    """What a run brings: the experiments it ran, its verdicts and its cells of the table."""

    run_id: str
    experiments: frozenset[str]
    verdicts: tuple[Verdict, ...]
    cells: tuple[TableCell, ...]


@dataclass(frozen=True)
class Answer:
    """A verdict that speaks to a claim, what it says of it, and the run it is from.

    `word` is the verdict's own, or turned round where the verdict asks for the contrary.
    """

    verdict: Verdict
    word: VerdictWord
    run_id: str

    @property
    def remark(self) -> str:
        """The verdict's note; of a decided one only whether it was named beforehand."""
        first = self.verdict.note.partition(";")[0]
        if self.verdict.verdict not in ("supported", "refuted"):
            return self.verdict.note
        return first if first in (NAMED, EXPLORATORY) else ""


@dataclass(frozen=True)
class ClaimResult:
    """A claim with its answers. Without any, `word` is empty and `lack` and `why` say why."""

    claim: Claim
    rule: str
    answers: tuple[Answer, ...]
    word: Word
    lack: Lack
    why: str


@dataclass(frozen=True)
class Picture:
    """One run or several of the same machine and commit; no experiment counts in two of them."""

    runs: tuple[Evidence, ...]
    remarks: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """Whether it has to be said which run something is from."""
        return len(self.runs) > 1

    def lack(self, experiment: str) -> Lack:
        """Return why an experiment says nothing here; empty where it was run."""
        if any(experiment in run.experiments for run in self.runs):
            return ""
        return "not measured" if registry().experiments[experiment].built else "by hand"

    def lack_words(self, experiment: str) -> str:
        """Return the same in words, with the command that would measure it."""
        lack, known = self.lack(experiment), registry().experiments[experiment]
        if lack == "not measured":
            return f"{self.unmeasured}: {known.command}"
        return f"comes by hand: {known.measures}" if lack else ""

    @property
    def unmeasured(self) -> str:
        """How it is said that something was not measured."""
        return f"not measured in {'these runs' if self.several else 'this run'}"

    @cached_property
    def results(self) -> list[ClaimResult]:
        """Every claim of the registry: those with a verdict first, then in the table's order."""
        known = registry()
        order = {row.id: at for at, row in enumerate(known.rows)}
        found = [self._result(known, claim) for claim in known.claims]
        return sorted(found, key=lambda r: (not r.answers, order.get(r.claim.row, len(order))))

    def _result(self, known: Registry, claim: Claim) -> ClaimResult:
        answers = tuple(
            Answer(verdict, _word_for(claim, verdict), run.run_id)
            for run in self.runs
            for verdict in run.verdicts
            if claim.id in verdict.claims
        )
        words = [answer.word for answer in answers]
        lack, why = self._why(claim, words)
        return ClaimResult(claim, known.rules[claim.rule], answers, combined(words), lack, why)

    def _why(self, claim: Claim, words: Sequence[VerdictWord]) -> tuple[Lack, str]:
        if words:
            return "", _counts(words)
        if lack := self.lack(claim.experiment):
            return lack, self.lack_words(claim.experiment)
        compared = f"{claim.experiment} was run, but not with what this claim compares"
        return "without a verdict", f"{compared}: {claim.pair}"


def name_claims(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts with the claims each speaks to.

    Of many verdicts that match a claim only those count that were named beforehand, else those
    in the same cells (mix and load) as the named ones, else all: a rule that sees no result.
    """
    cells = {_cell(verdict) for verdict in verdicts if _named(verdict)}
    speaking: dict[str, list[str]] = {}
    for claim in registry().claims:
        matching = [verdict for verdict in verdicts if claim.answered_by(verdict.id)]
        for verdict in _counting(matching, cells):
            speaking.setdefault(verdict.id, []).append(claim.id)
    return [replace(verdict, claims=tuple(speaking.get(verdict.id, ()))) for verdict in verdicts]


def combined(words: Iterable[VerdictWord]) -> Word:
    """Return the word for several verdicts: the one they share, `mixed` if they contradict.

    Anything else is inconclusive. Asking all to agree needs no correction for their number.
    """
    found = set(words)
    if len(found) < 2:
        return found.pop() if found else ""
    return "mixed" if any(pair <= found for pair in _OPPOSED) else "inconclusive"


def tally(results: Sequence[ClaimResult]) -> str:
    """Return in one line how many claims have which word, and what the others wait for."""
    judged = Counter(result.word for result in results if result.word)
    waiting = Counter(result.lack for result in results if not result.word)
    parts = [f"{n} {name}" for counts in (judged, waiting) for name, n in counts.most_common()]
    return f"{len(results)} claims: {', '.join(parts)}"


def _word_for(claim: Claim, verdict: Verdict) -> VerdictWord:
    if not claim.opposed_by(verdict.id):
        return verdict.verdict
    turned: dict[VerdictWord, VerdictWord] = {"supported": "refuted", "refuted": "supported"}
    return turned.get(verdict.verdict, verdict.verdict)


def _counts(words: Sequence[VerdictWord]) -> str:
    if len(words) < 2:
        return ""
    return ", ".join(f"{n} of {len(words)} {word}" for word, n in Counter(words).most_common())


def _counting(matching: Sequence[Verdict], cells: set[str]) -> Sequence[Verdict]:
    named = [verdict for verdict in matching if _named(verdict)]
    beside = [verdict for verdict in matching if _cell(verdict) in cells]
    return named or beside or matching


def _named(verdict: Verdict) -> bool:
    return verdict.note.startswith(NAMED)


def _cell(verdict: Verdict) -> str:
    """`experiment/mix@load` of a verdict's id."""
    return "/".join(verdict.id.split("/")[:2])


def ran(trial_experiments: Iterable[str], verdicts: Iterable[Verdict]) -> frozenset[str]:
    """Return the experiments of the registry that trials and verdicts belong to."""
    names = {experiment_of(name) for name in (*trial_experiments, *(v.id for v in verdicts))}
    return frozenset(names & registry().experiments.keys())
