"""Parts of the report that belong to one experiment each: capacity, network, topologies, ...

A module here has `section(data) -> Section | None` (None: the run did not measure it) and stands
in `_BUILDERS`; its template lies beside it. Page, summary, verdicts and figures pick it up.
"""

from collections.abc import Callable, Sequence

from bench.report.dataset import RunData
from bench.report.sections import (
    capacity,
    consistency,
    failure,
    network,
    own_services,
    scaling,
    selftest,
    server_timing,
    topologies,
)
from bench.report.sections.base import Section

Builder = Callable[[RunData], Section | None]

_BUILDERS: Sequence[Builder] = (
    own_services.section,
    server_timing.section,
    capacity.section,
    scaling.section,
    network.section,
    topologies.section,
    failure.section,
    consistency.section,
    selftest.section,
)


def sections_of(data: RunData) -> list[Section]:
    """Return the sections a run has, in page order."""
    built = [builder(data) for builder in _BUILDERS]
    return [section for section in built if section is not None]
