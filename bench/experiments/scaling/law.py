"""The scalability law of an arm that is scaled as a whole, only where there are levels enough.

It speaks of equal units added to a system; the services' steps are not equal, so they get their
points and the ideal line. A fit for each block; the band is the interval over blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from bench.experiments.scaling.findings import Climb
from bench.stats.arrays import Floats
from bench.stats.errors import StatisticsError
from bench.stats.usl import MIN_LEVELS, Band, Usl, fit_usl, usl_band

_REACH = 1.25  # the curve is drawn so far beyond the largest number of copies
_POINTS = 40
_PREDICTED = (2.0, 4.0)  # times the largest number of copies


@dataclass(frozen=True)
class Law:
    """The fits of one climb. `cores`: where the band is, in quota cores plus databases."""

    mix: str
    deployment: str
    fits: tuple[Usl, ...]
    cores: Floats
    band: Band

    @property
    def largest(self) -> float:
        return self.fits[0].largest

    def line(self) -> str:
        """Coefficients and predictions in words; what is extrapolated says so."""
        parts = []
        for factor in _PREDICTED:
            copies = factor * self.largest
            band = usl_band(self.fits, [copies])
            far = " (extrapolated)" if self.fits[0].extrapolated([copies])[0] else ""
            parts.append(
                f"{copies:g} copies: {band.middle[0]:.3g} requests/s "
                f"[{band.low[0]:.3g}, {band.high[0]:.3g}]{far}"
            )
        contention = fmean(fit.contention for fit in self.fits)
        coherency = fmean(fit.coherency for fit in self.fits)
        return (
            f"contention {contention:.3g}, coherency {coherency:.2g} "
            f"(means of {len(self.fits)} blocks' fits); predicted for " + ", for ".join(parts)
        )


def law_of(climb: Climb) -> Law | str | None:
    """The law; why there is none, as a clause; None for an arm that it does not speak of."""
    if not climb.whole:
        return None
    fits = []
    for block in climb.blocks:
        points = [
            (float(sum(step.replicas.values())), step.by_block[block])
            for step in climb.steps
            if block in step.by_block
        ]
        try:
            fits.append(fit_usl([n for n, _ in points], [x for _, x in points]))
        except StatisticsError:
            continue
    if len(fits) < 2:
        return f"not fitted: it needs {MIN_LEVELS} levels in at least two blocks"
    copies = np.linspace(1.0, _REACH * max(fit.largest for fit in fits), _POINTS)
    sizes = [float(sum(step.replicas.values())) for step in climb.steps]
    cores = [step.quota_cores + (step.mean("database_cores") or 0.0) for step in climb.steps]
    per_copy = float(np.polyfit(sizes, cores, 1)[0])
    shift = fmean(cores) - per_copy * fmean(sizes)
    return Law(
        climb.mix, climb.deployment, tuple(fits), per_copy * copies + shift, usl_band(fits, copies)
    )


def laws_of(climbs: Sequence[Climb]) -> list[Law]:
    """The laws that could be fitted."""
    return [law for climb in climbs if isinstance(law := law_of(climb), Law)]
