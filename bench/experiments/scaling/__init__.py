"""Scales as a whole, or per service? Capacity at the SLO against CPU and memory, both ways.

The monolith gets one more copy of the whole at each level; the services get one more replica of
the component that is the bottleneck, named by measurement. `path` finds what to scale, `search`
decides the next load, `stage` changes and probes one arm, `experiment` runs the blocks.
"""

from bench.experiments.scaling.experiment import run
from bench.experiments.scaling.sizes import EXPERIMENT

__all__ = ["EXPERIMENT", "run"]
