"""The service-level objective of a run, in words."""

from collections.abc import Mapping
from typing import Any

from bench.results.dataset import RunData


def slo_of(data: RunData) -> Mapping[str, float]:
    """The objective as the run stated it."""
    default = {"p95_ms": data.setting("slo_ms", 200.0)}
    stated: Any = data.journal.settings.get("slo")
    return {**default, **stated} if isinstance(stated, dict) else default


def slo_text(slo: Mapping[str, float]) -> str:
    if "error_share" not in slo:
        return f"Objective: p95 of the response time at most {slo['p95_ms']:g} ms."
    errors, goodput, rise = (
        _percent(slo[name]) for name in ("error_share", "goodput_share", "rise_share")
    )
    return (
        f"Objective: p95 of the response time at most {slo['p95_ms']:g} ms, failed requests at "
        f"most {errors}, goodput at least {goodput} of what was offered, no rising trend of the "
        f"response time (Mann-Kendall over ten windows at 1 %, a rise of more than {rise} and "
        f"{slo['rise_ms']:g} ms), p95 of the settle lag (age of the oldest undelivered event) at "
        f"most {slo['settle_lag_s']:g} s and not rising by {slo['lag_rise_s']:g} s."
    )


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
