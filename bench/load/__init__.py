"""Open-loop load on Locust: schedules made before the run, replayed identically.

`schedule`, `tokens`, `generator` run in the parent; `worker` is the load process, and what it
imports (`source`, `pacer`, `pool`, `rows`, `operations`, `plan`) stays small on purpose.
"""
