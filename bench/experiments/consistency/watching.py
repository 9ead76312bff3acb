"""The reader: looks at the databases now and then while the load runs, and writes what it saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from bench.audit.sampler import Sampler
from bench.audit.transients import anomalies_of
from bench.results.episodes import EventLog, Sampled, Seen

INTERVAL_S = 0.5
BUSY_SHARE = 0.25  # of the time at the most: a slow look makes the next one come later
STOP_S = 10.0


class Watch:
    """`with Watch(dsns, events):` looks as long as the block runs."""

    def __init__(self, dsns: Mapping[str, str], events: EventLog) -> None:
        self._dsns = dsns
        self._events = events
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.errors: list[BaseException] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(STOP_S if error is None else 1.0)

    def _run(self) -> None:
        sampler = Sampler(self._dsns)
        pause_s = INTERVAL_S
        try:
            while not self._stop.wait(pause_s):
                pause_s = max(INTERVAL_S, self._look(sampler) * (1 / BUSY_SHARE - 1))
        except BaseException as error:  # shown by whoever runs the episode
            if not self._stop.is_set():
                self.errors.append(error)
        finally:
            sampler.close()

    def _look(self, sampler: Sampler) -> float:
        began = time.monotonic()
        reading = sampler.look()
        seen = tuple(
            Seen(each.invariant, each.what, each.subject, round(each.age_s, 3))
            for each in anomalies_of(reading)
        )
        took_s = time.monotonic() - began
        self._events.write(
            Sampled(began, round(took_s, 4), seen, tuple(sorted(reading.unreadable)))
        )
        return took_s
