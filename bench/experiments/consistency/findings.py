"""What the episodes of `consistency` show: invariants, counts, transient anomalies, convergence.

Everything is judged again from the raw histories, events and stored rows. Neighbours:
`sections.consistency` prints, `consistency_verdicts` decides, `bench.audit` judges.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.audit.history import CorruptHistory, History, read_history
from bench.audit.judge import judge
from bench.audit.report import AuditReport, Outcome
from bench.audit.rows import Snapshot
from bench.audit.stored import unpack
from bench.audit.transients import INVARIANTS
from bench.audit.views import VIEWS
from bench.errors import ShopbenchError
from bench.report.naming import deployment_order
from bench.results.dataset import RunData
from bench.results.episodes import (
    Episode,
    EpisodeFolder,
    Event,
    FaultInjected,
    FaultUndone,
    LoadMark,
    Sampled,
    Settled,
    read_events,
)
from bench.results.journal import CorruptResults

EXPERIMENT = "consistency"
LASTING_S = 1.0


@dataclass(frozen=True)
class Transient:
    """Distinct orders or rows that a reader saw inconsistent, and the oldest of them in seconds.

    `lasting`: those that had been so for more than `LASTING_S`, longer than an undisturbed order.
    """

    count: int
    lasting: int
    oldest_s: float


@dataclass(frozen=True)
class Convergence:
    """Seconds from a component's return until nothing older than it was inconsistent."""

    seconds: tuple[float, ...]
    never: int  # that did not converge before the end


@dataclass(frozen=True)
class EpisodeResult:
    """One phase on one deployment. `orders`: stored at the end; `acknowledged`: as buyers know."""

    episode: Episode
    audit: AuditReport
    events: tuple[Event, ...]
    operations: int
    acknowledged: int
    orders: int
    transients: Mapping[str, Transient]
    inconsistent: int  # distinct orders seen breaking I7 or I8
    lasting: int  # of them for more than LASTING_S
    convergence: Convergence
    settled: Settled | None

    @property
    def whole(self) -> bool:
        """Whether it ran to its end."""
        return self.episode.status == "ended"

    @property
    def faults(self) -> list[FaultInjected]:
        return [event for event in self.events if isinstance(event, FaultInjected)]

    @property
    def hits(self) -> int:
        """Faults that took place."""
        return sum(event.hit for event in self.events if isinstance(event, FaultUndone))

    @property
    def samples(self) -> list[Sampled]:
        return [event for event in self.events if isinstance(event, Sampled)]

    @property
    def begun_s(self) -> float:
        """When the load began, on the episode's clock."""
        marks = (event.time_s for event in self.events if isinstance(event, LoadMark))
        return next(marks, 0.0)


def results_of(data: RunData) -> list[EpisodeResult]:
    """Judge the last attempt of each phase, in the order of deployments.

    Raises CorruptResults where raw files are damaged; what is missing is `unknown`.
    """
    last: dict[tuple[str, str], Episode] = {}
    for episode in data.journal.episodes:
        if episode.experiment == EXPERIMENT:
            last[episode.deployment, episode.phase] = episode
    names = deployment_order(deployment for deployment, _ in last)
    chosen = sorted(last.values(), key=lambda each: names.index(each.deployment))
    try:
        return [_result(data, episode) for episode in chosen]
    except ShopbenchError as exc:
        raise CorruptResults(exc.message) from exc


def combined(results: Iterable[EpisodeResult], invariant: str) -> tuple[Outcome, int]:
    """The outcome over several episodes and the things checked: violated, else unknown, ..."""
    verdicts = [result.audit[invariant] for result in results]
    found = {verdict.outcome for verdict in verdicts}
    checked = sum(verdict.checked for verdict in verdicts)
    if "violated" in found:
        return "violated", checked
    return ("valid" if found == {"valid"} else "unknown"), checked


def _result(data: RunData, episode: Episode) -> EpisodeResult:
    folder = EpisodeFolder.of(data.path, episode)
    events = tuple(read_events(folder.events)) if folder.events.exists() else ()
    history, why = _history(folder)
    snapshot = _snapshot(folder, episode)
    samples = [event for event in events if isinstance(event, Sampled)]
    settled = next((event for event in events if isinstance(event, Settled)), None)
    placed = history.named("orders.place") if history else ()
    return EpisodeResult(
        episode=episode,
        audit=judge(snapshot, history, why),
        events=events,
        operations=len(history.operations) if history else 0,
        acknowledged=len({str(o.success.body.get("id")) for o in placed if o.success is not None}),
        orders=len(snapshot.orders),
        transients=transients(samples),
        inconsistent=len(_subjects(samples, ("I7", "I8"))),
        lasting=len(_subjects(samples, ("I7", "I8"), LASTING_S)),
        convergence=convergence(events),
        settled=settled,
    )


def _history(folder: EpisodeFolder) -> tuple[History | None, str]:
    try:
        return read_history(folder.history), ""
    except CorruptHistory as exc:
        return None, exc.message


def _snapshot(folder: EpisodeFolder, episode: Episode) -> Snapshot:
    """What the databases held; of an episode without a snapshot nothing is known."""
    if folder.snapshot.exists():
        return unpack(folder.read_snapshot())
    how = episode.note or "it was cut off before its databases were read"
    return Snapshot(unreadable=dict.fromkeys(VIEWS, f"episode {episode.episode_id}: {how}"))


def transients(samples: Sequence[Sampled]) -> dict[str, Transient]:
    """Count by invariant what a reader saw, each order or row once."""
    oldest: dict[str, float] = defaultdict(float)
    for sample in samples:
        for seen in sample.seen:
            oldest[seen.invariant] = max(oldest[seen.invariant], seen.age_s)
    return {
        invariant: Transient(
            len(_subjects(samples, (invariant,))),
            len(_subjects(samples, (invariant,), LASTING_S)),
            oldest[invariant],
        )
        for invariant in INVARIANTS
    }


def _subjects(
    samples: Sequence[Sampled], invariants: tuple[str, ...], older_than_s: float = -1.0
) -> set[str]:
    return {
        seen.subject
        for sample in samples
        for seen in sample.seen
        if seen.invariant in invariants and seen.age_s > older_than_s
    }


def kinds_seen(results: Iterable[EpisodeResult]) -> Counter[str]:
    """Distinct orders or rows by what was wrong with them."""
    found = {
        (result.episode.episode_id, seen.what, seen.subject)
        for result in results
        for sample in result.samples
        for seen in sample.seen
    }
    return Counter(what for _, what, _ in found)


def convergence(events: Sequence[Event]) -> Convergence:
    """For each fault that took place: until a whole look finds nothing older than its end.

    Later faults do not end the wait; the end of the run does, where the shop has settled.
    """
    looks = [event for event in events if isinstance(event, Sampled) and not event.unreadable]
    settled = next((event for event in events if isinstance(event, Settled)), None)
    found: list[float] = []
    never = 0
    for undone in (event for event in events if isinstance(event, FaultUndone) and event.hit):
        healed = next((look.time_s for look in looks if _healed(look, undone.time_s)), None)
        if healed is None and settled is not None and not settled.open_work and not settled.error:
            healed = settled.time_s
        if healed is None:
            never += 1
        else:
            found.append(healed - undone.time_s)
    return Convergence(tuple(found), never)


def _healed(look: Sampled, since_s: float) -> bool:
    waited_s = look.time_s - since_s
    return waited_s >= 0 and all(seen.age_s <= waited_s for seen in look.seen)
