"""Statistics of a benchmark as pure functions: no I/O, no clock, no global state.

The trial is the unit of replication; requests inside one are never treated as independent
evidence about the next one. Neighbours: `bench.experiments` asks when to stop, `bench.report`
asks what may be said.
"""
