"""What broken parts bring to the first screen: a clause, a tile and words of trust.

Neighbour: `findings` has the visits of each fault in each arm.
"""

from collections.abc import Sequence

from bench.experiments.failure.findings import EVERY, EXPERIMENT, OVERLOAD, FaultCell, Matrix
from bench.report.naming import interval
from bench.report.tiles import Tile, state_of
from bench.results.verdict import Verdict

PAIR = ("microservices", "monolith")
_TOLD_FIRST = "payments"  # the example of the design: the part that people ask about
_IMPACT = f"{EXPERIMENT}/impact/"
_STATES = {
    "crash": "{} is dead",
    "hang": "{} hangs",
    "slow": "{} is slow",
    "errors": "{} answers with errors",
    "database_down": "the database of {} is down",
}
_STOPPED = ("crash", "hang")


def common(matrix: Matrix) -> list[str]:
    """Return the faults that were measured in both arms, load that is a fault left out."""
    if not set(PAIR) <= set(matrix.arms):
        return []
    return [
        experiment
        for experiment in matrix.experiments
        if matrix.cells[experiment, PAIR[0]].kind != OVERLOAD
        and all(matrix.cells[experiment, arm].stretches for arm in PAIR)
    ]


def answer(matrix: Matrix) -> tuple[str, ...]:
    """Return what one fault costs either arm, of payments where it was measured."""
    known = common(matrix)
    if not known:
        return ()
    told = min(known, key=lambda experiment: _rank(matrix.cells[experiment, PAIR[0]]))
    services, monolith = (_lost_of_100(matrix.cells[told, arm]) for arm in PAIR)
    sure = matrix.difference(told, EVERY, PAIR)
    open_ = sure is None or sure.within_run or sure.low <= 0 <= sure.high
    why = "measured once" if matrix.repetitions == 1 else "not decided"
    return (
        f"while {_state(matrix, told)}, the services lose {services} of 100 visits and the "
        f"monolith {monolith}{f' ({why})' if open_ else ''}",
    )


def _state(matrix: Matrix, experiment: str) -> str:
    """`payments is dead`, for a fault that has such words."""
    cell = matrix.cells[experiment, PAIR[0]]
    if cell.kind in _STATES and cell.component:
        return _STATES[cell.kind].format(cell.component)
    return f"the fault '{matrix.label(experiment)}' lasts"


def _rank(cell: FaultCell) -> tuple[bool, bool]:
    return cell.component != _TOLD_FIRST, cell.kind not in _STOPPED


def _lost_of_100(cell: FaultCell) -> str:
    lost = cell.blast_radius()
    return f"{max(0.0, 100 * lost.estimate):.0f}" if lost else "an unknown number"


def tiles(matrix: Matrix, verdicts: Sequence[Verdict]) -> tuple[Tile, ...]:
    """Return the share of visits served while a fault lasted, mean over the faults of both arms."""
    known = common(matrix)
    if not known:
        return ()
    services, monolith = (_served_of_100(matrix, known, arm) for arm in PAIR)
    judged = next((v for v in verdicts if v.id.startswith(_IMPACT)), None)
    return (
        Tile(
            title="Visits served while something is broken",
            monolith=monolith,
            microservices=services,
            unit="of 100",
            words=("fewer", "more"),
            evidence=f"{_points(judged, services - monolith)}; {_faults(len(known))}",
            state=state_of(judged.verdict) if judged else "open",
        ),
    )


def _served_of_100(matrix: Matrix, experiments: Sequence[str], arm: str) -> float:
    shares = [matrix.cells[each, arm].share(EVERY) for each in experiments]
    return 100 * sum(share.estimate for share in shares if share) / len(experiments)


def _points(judged: Verdict | None, seen: float) -> str:
    if judged is None or judged.estimate is None:
        return f"{seen:+.0f} points, measured once"
    ends = interval(judged.low, judged.high)
    return f"{judged.estimate:+.0f} points {ends}, {judged.n_blocks} repetitions"


def trust(matrix: Matrix) -> str:
    """Return how often each fault was repeated."""
    return f"{_faults(len(matrix.experiments))} {_times(matrix.repetitions)}"


def _faults(count: int) -> str:
    return f"{count} fault{'s' if count != 1 else ''}"


def _times(repetitions: int) -> str:
    return {1: "once", 2: "twice"}.get(repetitions, f"{repetitions} times each")
