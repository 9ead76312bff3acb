"""Statistics of a benchmark as pure functions: no I/O, no clock, no global state.

The trial is the unit of replication; requests inside one are never treated as independent
evidence about the next one. Neighbours: `bench.experiments` asks when to stop, `bench.report`
asks what may be said.

SciPy loads `scipy.stats` when it is first used; modules here say `import scipy` so that a command
which computes nothing (`--help`, a wrong option) does not wait a second for it.
"""
