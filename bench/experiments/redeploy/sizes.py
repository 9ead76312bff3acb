"""How many stretches a profile spends, what is released in each, and how long that takes. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from bench.experiments.redeploy.records import (
    GATEWAY,
    MONOLITH,
    SECOND,
    SERVICES,
    SINGLE,
    TROUBLE,
)

LOAD_SHARE = 0.5  # of the smaller capacity of the arms
TAIL_S = 1.0  # visits due so long after a release count as its own
PAUSE_S = 0.3  # between two of them
OVERHEAD_S = 0.8  # planned of a stretch: users made, answers drained, outbox empty


@dataclass(frozen=True)
class Size:
    """Stretches of each kind in each arm. `whole`: of the good ones, release all five processes.

    `migrates`: with a second endpoint there are two versions at once and a migration too.

    Seconds: before the quiet window, that window, a release that never gets ready, until a bad one
    is noticed, and two versions side by side.
    """

    repetitions: int
    whole: int
    trouble: int
    second: int
    migrates: bool
    warmup_s: float
    quiet_s: float
    ready_s: float
    notice_s: float
    beside_s: float

    def stretches(self, kind: str) -> int:
        """How many of a kind there are."""
        return {SINGLE: self.repetitions, TROUBLE: self.trouble, SECOND: self.second}[kind]


SIZES = {
    "smoke": Size(1, 1, 1, 1, True, 0.5, 1.0, 1.5, 0.6, 1.0),
    "quick": Size(6, 1, 1, 1, False, 0.4, 1.0, 1.5, 1.0, 1.5),
    "standard": Size(10, 10, 3, 10, True, 1.0, 4.0, 5.0, 2.0, 4.0),
    "full": Size(20, 20, 6, 20, True, 1.0, 6.0, 5.0, 2.0, 6.0),
}

# Planned seconds of one release at half of the capacity, on a core that all share.
_MONOLITH_S, _SERVICE_S, _GATEWAY_S, _REPLICAS_S = 3.2, 1.4, 2.0, 3.6
SCALE_S = 3.0  # to go to two replicas, once in each arm
WARM_S = 2.3  # to warm them up, before each stretch
TOUCH_S = 2.0  # one component stopped and asked, planned


def released(arm: str, repetition: int, size: Size, seed: int) -> tuple[str, ...]:
    """What a stretch of good releases releases, in its order.

    All services come in turn: each as often as the others as far as it goes.
    """
    if arm == MONOLITH:
        return (MONOLITH,)
    if repetition < size.whole:
        return (*random.Random(f"{seed}/{repetition}").sample(SERVICES, len(SERVICES)), GATEWAY)
    number = repetition - size.whole
    deal, place = divmod(number, len(SERVICES))
    service = random.Random(f"{seed}/deal {deal}").sample(SERVICES, len(SERVICES))[place]
    return (service,)


def planned_s(kind: str, arm: str, names: tuple[str, ...], size: Size) -> float:
    """Seconds that a stretch is planned to take. `names`: what it releases."""
    quiet_s = size.warmup_s + size.quiet_s + OVERHEAD_S
    one_s = _MONOLITH_S if arm == MONOLITH else _SERVICE_S
    if kind == SINGLE:
        each_s: Mapping[str, float] = {MONOLITH: _MONOLITH_S, GATEWAY: _GATEWAY_S}
        return quiet_s + sum(each_s.get(n, _SERVICE_S) + TAIL_S + PAUSE_S for n in names)
    after_s = TAIL_S + PAUSE_S
    if kind == TROUBLE:
        bad_s = size.ready_s + 2 * one_s + size.notice_s
        planted_s = one_s / 2 + 1.0
        return quiet_s + bad_s + planted_s + 4 * after_s
    replicas_s = _REPLICAS_S if arm == MONOLITH else 2 * _SERVICE_S
    more_s = 2.5 * replicas_s + size.beside_s + 4 * after_s if size.migrates else 0.0
    return WARM_S + quiet_s + replicas_s + after_s + more_s
