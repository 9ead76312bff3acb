"""Experiment `consistency`: is the data right after kills and faults, and how wrong meanwhile?

`shop` is a running shop with its people, `buyers` the load, `client` one person, `nemesis` who
kills, `points` who arms fault points, `watching` the reader meanwhile, `run` puts phases
together.
"""
