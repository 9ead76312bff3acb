"""Does the load generator keep what it promises? Measured here and now, against controls.

    python -m bench.experiments.selftest.generator_check
        [--seconds 2] [--server-cpu 0] [--load-cpu 1]

Three questions: does it send all of 2,000 arrivals a second on time, how much does it add to a
response time, does it see the times another tool sees. A promise is broken only where the control
shows that the machine let it be kept.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.child_python import child_python
from bench.engine.bare_handler_process import die_with_parent
from bench.engine.client_time import client_time_ms, pin, responder
from bench.experiments.selftest.second_tool import find_tool, run_tool
from bench.load.generator import LoadProcess, Target
from bench.load.plan import Result, Visit
from bench.machine import usable_cpus

Verdict = Literal["kept", "broken", "not judged", "not measured"]
ARRIVALS_RPS = 2000.0
LAG_LIMIT_MS, CONTROL_LIMIT_MS = 2.0, 0.5  # p99 of the send lag; of the control, to be judged
LAG_QUANTILE = 0.99
CLIENT_LIMIT_MS = 0.5  # median of what the client adds to the server's own time
INSTANCES = 64
SAME_SHARE, SAME_MS = 0.05, 0.2
QUANTILES = (0.5, 0.9, 0.95, 0.99)
DELAY_MS, DELAY_SIGMA, COMPARED_RPS = 8.0, 0.5, 200.0
_PATH = "/api/v1/products/00000000-0000-7000-8000-000000000001"


@dataclass(frozen=True)
class LagPair:
    """A stretch of load between two of the timer alone at the same rate; of these the worse.

    Lags in ms. `late`: arrivals sent `LAG_LIMIT_MS` after they were due, or later still.
    """

    control_ms_p50: float
    control_ms_p99: float
    send_lag_ms_p50: float
    send_lag_ms_p99: float
    planned: int
    sent: int
    skipped: int
    late: int
    generator_cpu: float

    @property
    def judged(self) -> bool:
        """Whether the machine was quiet enough to say something."""
        return self.control_ms_p99 < CONTROL_LIMIT_MS


@dataclass(frozen=True)
class Agreement:
    """One quantile of the service time, ours and the other tool's before and after, in ms."""

    quantile: float
    ours_ms: float
    theirs_ms: float
    again_ms: float | None = None

    @property
    def same(self) -> bool:
        """Within 5 % or 0.2 ms, of the mean of the tool's two runs."""
        again = self.theirs_ms if self.again_ms is None else self.again_ms
        return _near(self.ours_ms, (self.theirs_ms + again) / 2)

    @property
    def judged(self) -> bool:
        """Whether the tool agrees with itself; else the machine changed meanwhile."""
        return self.again_ms is None or _near(self.again_ms, self.theirs_ms)


@dataclass(frozen=True)
class GeneratorReport:
    """All that was measured, and what follows. `tool` is "" where there is no other tool."""

    cpus: tuple[int, int]
    load_average: tuple[float, float]  # of a minute, before and after
    lag: tuple[LagPair, ...]
    client_ms: float
    tool: str
    tool_rps: float
    agreement: tuple[Agreement, ...]

    @property
    def late_share(self) -> float:
        """Of all arrivals in judged stretches, those late: below 1 % is a p99 below the limit.

        Over all together: a control cannot run in the same instant, so that one stall of the
        machine hits either, and a stretch alone has but twenty arrivals beyond its p99. Where no
        stretch is judged it is of all arrivals.
        """
        counted = [pair for pair in self.lag if pair.judged] or self.lag
        return sum(pair.late for pair in counted) / max(1, sum(pair.sent for pair in counted))

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What was promised and whether it is kept."""
        quiet = any(pair.judged for pair in self.lag)
        lag: Verdict = "broken" if quiet else "not judged"
        if any(pair.sent != pair.planned for pair in self.lag):
            lag = "broken"
        elif self.lag and self.late_share < 1 - LAG_QUANTILE:
            lag = "kept"  # on a machine too busy for the control even more so
        client: Verdict = "broken" if quiet else "not judged"
        if self.client_ms < CLIENT_LIMIT_MS:
            client = "kept"
        agreement: Verdict = "not judged" if self.agreement else "not measured"
        if any(one.judged for one in self.agreement):
            same = all(one.same for one in self.agreement if one.judged)
            agreement = "kept" if same else "broken"
        return {"send_lag": lag, "client_time": client, "agreement": agreement}

    def as_json(self) -> dict[str, object]:
        """Everything, with what follows from it, as plain values."""
        return asdict(self) | {"verdicts": self.verdicts}


def check_generator(
    cpu_server: int | None, cpu_load: int | None, seconds: float = 2.0, pairs: int = 16
) -> GeneratorReport:
    """Measure all three; takes about 10 s + 50 x `seconds`. None: not pinned to a core.

    Many short stretches for the lag: the shorter, the more alike are a stretch and its controls.
    """
    before = _load_average()
    server_cpus = () if cpu_server is None else (cpu_server,)
    with LoadProcess(cpus=None if cpu_load is None else [cpu_load]) as load:
        with responder(server_cpus) as url:
            lag = _lag_pairs(load, url, cpu_load, seconds / 2, pairs)
        client_ms = client_time_ms(load, server_cpus)
        tool, tool_rps, agreement = _compare(load, server_cpus, cpu_load, 8 * seconds)
    return GeneratorReport(
        cpus=(-1 if cpu_server is None else cpu_server, -1 if cpu_load is None else cpu_load),
        load_average=(before, _load_average()),
        lag=lag,
        client_ms=client_ms,
        tool=tool,
        tool_rps=tool_rps,
        agreement=agreement,
    )


def _lag_pairs(
    load: LoadProcess, url: str, cpu: int | None, seconds: float, pairs: int
) -> tuple[LagPair, ...]:
    """Control, load, control, load, ..., control."""
    _arrivals(load, url, ARRIVALS_RPS, 0.3, 0)  # the load process has started when it ends
    before, found = _control_ms(cpu, seconds, 0), []
    for number in range(pairs):
        result = _arrivals(load, url, ARRIVALS_RPS, seconds, number)
        after = _control_ms(cpu, seconds, number + 1)
        lag_ms = _lag_ms(result)
        found.append(
            LagPair(
                control_ms_p50=max(float(np.quantile(late, 0.5)) for late in (before, after)),
                control_ms_p99=max(float(np.quantile(late, 0.99)) for late in (before, after)),
                send_lag_ms_p50=float(np.quantile(lag_ms, 0.5)),
                send_lag_ms_p99=float(np.quantile(lag_ms, 0.99)),
                planned=result.planned,
                sent=len(result.due_s),
                skipped=result.skipped,
                late=int((lag_ms >= LAG_LIMIT_MS).sum()),
                generator_cpu=result.generator_cpu,
            )
        )
        before = after
    return tuple(found)


def _control_ms(cpu: int | None, seconds: float, seed: int) -> NDArray[np.float64]:
    arguments = [
        "bench.experiments.selftest.pacing_control",
        f"{ARRIVALS_RPS}",
        f"{seconds}",
        f"{seed}",
    ]
    return np.asarray(_printed(arguments, cpu), dtype=np.float64)


def _compare(
    load: LoadProcess, server_cpus: tuple[int, ...], cpu_load: int | None, seconds: float
) -> tuple[str, float, tuple[Agreement, ...]]:
    """The same even arrivals from the other tool, from ours, and from the other tool again, at a
    server with known delays.
    """
    if find_tool() is None:
        return "", 0.0, ()
    options = ("--median-ms", f"{DELAY_MS}", "--sigma", f"{DELAY_SIGMA}")
    with responder(server_cpus, *options) as url:
        theirs = run_tool(url + _PATH, COMPARED_RPS, seconds, cpu_load)
        count = round(COMPARED_RPS * seconds)
        visits = [Visit(n / COMPARED_RPS, "product_read", n) for n in range(count)]
        result = _replay(load, url, visits, seconds)
        again = run_tool(url + _PATH, COMPARED_RPS, seconds, cpu_load)
    ours_ms = (np.asarray(result.done_s) - np.asarray(result.sent_s)) * 1000
    samples = (ours_ms, theirs.response_ms, again.response_ms)
    found = [Agreement(q, *(float(np.quantile(one, q)) for one in samples)) for q in QUANTILES]
    return theirs.tool, theirs.rate_rps, tuple(found)


def _arrivals(load: LoadProcess, url: str, rate: float, seconds: float, seed: int) -> Result:
    rng, due, visits = random.Random(seed), 0.0, []
    while (due := due + rng.expovariate(rate)) < seconds:
        visits.append(Visit(due, "product_read", rng.getrandbits(63)))
    return _replay(load, url, visits, seconds)


def _replay(load: LoadProcess, url: str, visits: list[Visit], seconds: float) -> Result:
    target = Target(url, ["none"])
    return load.run_open(target, visits, (0.0, seconds), users_ahead=INSTANCES)


def _near(value_ms: float, other_ms: float) -> bool:
    return abs(value_ms - other_ms) <= max(SAME_MS, SAME_SHARE * other_ms)


def _lag_ms(result: Result) -> NDArray[np.float64]:
    return (np.asarray(result.sent_s, np.float64) - np.asarray(result.due_s, np.float64)) * 1000


def _printed(arguments: Sequence[str], cpu: int | None) -> Any:
    """What a module prints as JSON, run on `cpu`; it does not outlive us."""
    command = child_python("-m", *arguments)
    orphaned = die_with_parent if sys.platform == "linux" else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=orphaned)
    pin(process.pid, () if cpu is None else (cpu,))
    return json.loads(process.communicate(timeout=120)[0])


def _load_average() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def main() -> None:
    """Print the report as JSON; exit 1 if a promise is broken."""
    cpus = usable_cpus()
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--server-cpu", type=int, default=cpus[0])
    parser.add_argument("--load-cpu", type=int, default=cpus[-1])
    options = parser.parse_args()
    report = check_generator(options.server_cpu, options.load_cpu, options.seconds)
    print(json.dumps(report.as_json(), indent=2))
    sys.exit("broken" in report.verdicts.values())


if __name__ == "__main__":
    main()
