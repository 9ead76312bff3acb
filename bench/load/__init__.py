"""Locust is the load: `bench/locustfile.py` or a user's own file, open-loop, closed or in rounds.

`schedule`, `tokens`, `generator` run in the parent, which never imports Locust; `worker` is the
load process. `arrivals` stands by itself: open-loop arrivals for any locustfile.
"""
