"""Which component is the bottleneck, and so what is scaled at each level. Pure.

A component is what can have replicas: a serving process. Databases and edges have no quota and
are not scaled; what they use is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.deployments.base import Usage

Replicas = dict[str, int]


@dataclass(frozen=True)
class QuotaUse:
    """How much of its quota a component used, all its replicas together, as shares.

    `held_back`: of its 10 ms periods, those in which the quota stopped it.
    """

    component: str
    replicas: int
    use: float
    held_back: float


def component_of(name: str) -> str:
    """`inventory` for its replica `inventory#2`."""
    return name.partition("#")[0]


def is_serving(name: str) -> bool:
    """Whether it is a process of the shop: no database, edge or proxy."""
    return ":" not in name


def quota_uses(
    first: Mapping[str, Usage], last: Mapping[str, Usage], seconds: float
) -> list[QuotaUse]:
    """What was used of the quotas between two readings that lie so far apart."""
    groups: dict[str, list[str]] = {}
    for name, usage in last.items():
        if is_serving(name) and usage.quota_cores:
            groups.setdefault(component_of(name), []).append(name)
    return [_use(component, names, first, last, seconds) for component, names in groups.items()]


def _use(
    component: str,
    names: Sequence[str],
    first: Mapping[str, Usage],
    last: Mapping[str, Usage],
    seconds: float,
) -> QuotaUse:
    none = Usage(0.0, 0)
    pairs = [(first.get(name, none), last[name]) for name in names]
    cpu_s = sum(b.cpu_seconds - a.cpu_seconds for a, b in pairs)
    allowed_s = sum((b.quota_cores or 0.0) for _, b in pairs) * seconds
    periods = sum(b.periods - a.periods for a, b in pairs)
    held_back = sum(b.periods_held_back - a.periods_held_back for a, b in pairs)
    return QuotaUse(
        component,
        len(names),
        cpu_s / allowed_s if allowed_s > 0 else 0.0,
        held_back / periods if periods > 0 else 0.0,
    )


def bottleneck(uses: Iterable[QuotaUse]) -> str | None:
    """The component that used most of its quota; equal to one per cent: held back most often."""
    ranked = sorted(uses, key=lambda u: (round(u.use, 2), u.held_back, u.component), reverse=True)
    return ranked[0].component if ranked else None


def grown(replicas: Mapping[str, int], component: str) -> Replicas:
    """One replica more of a component."""
    return {**replicas, component: replicas[component] + 1}


def edged(paths: Iterable[Sequence[Mapping[str, int]]]) -> tuple[str, ...]:
    """The components that have more than one replica anywhere: an edge stands before each."""
    return tuple(
        sorted({name for path in paths for level in path for name, n in level.items() if n > 1})
    )
