"""Does the load generator keep what it promises? Measured here and now, against controls.

    python -m bench.experiments.generator_check [--seconds 2] [--server-cpu 0] [--load-cpu 1]

Three questions: does it send on time at 2,000 arrivals a second, how many can it sustain next to
plain Locust, does it see the response times another tool sees. A promise is broken only where
the control shows that the machine let it be kept.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import psutil
from numpy.typing import NDArray

from bench.experiments.independent import find_tool, run_tool
from bench.experiments.meters import process_cpu
from bench.experiments.served import die_with_parent
from bench.load.generator import LoadProcess, Target
from bench.load.plan import Result, Visit
from bench.machine import usable_cpus

Verdict = Literal["kept", "broken", "not judged", "not measured"]
ARRIVALS_RPS = 2000.0
LAG_LIMIT_MS, CONTROL_LIMIT_MS = 0.4, 0.1  # p99 of the send lag; of the control, to be judged
LAG_QUANTILE = 0.99
RATE_SHARE = 0.75  # of plain Locust's closed-loop rate
CLIENTS = 64
STEP_S, STEP = 2.0, 1.1
BEHIND_MS = 50.0  # median send lag of a step's last quarter: more is a queue that grows
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
class RateStep:
    """One rate tried. `server_cpu`: cores the server took; near 1 it would be the limit."""

    offered_rps: float
    planned: int
    sent: int
    skipped: int
    failures: int
    send_lag_ms_p50: float
    send_lag_ms_p99: float
    last_lag_ms_p50: float
    server_cpu: float

    @property
    def sustained(self) -> bool:
        """All sent and answered, and not later and later."""
        whole = self.skipped == 0 and self.failures == 0 and self.sent == self.planned
        return whole and self.last_lag_ms_p50 < BEHIND_MS


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
    plain_locust_rps: tuple[float, ...]
    steps: tuple[RateStep, ...]
    tool: str
    tool_rps: float
    agreement: tuple[Agreement, ...]

    @property
    def sustained_rps(self) -> float:
        """The highest rate sustained, 0 if none was."""
        return max((step.offered_rps for step in self.steps if step.sustained), default=0.0)

    @property
    def rate_ratio(self) -> float:
        """Sustained against plain Locust's best."""
        return self.sustained_rps / max(self.plain_locust_rps)

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
        lag: Verdict = "not judged"
        if any(pair.sent != pair.planned for pair in self.lag):
            lag = "broken"
        elif self.lag and self.late_share < 1 - LAG_QUANTILE:
            lag = "kept"  # on a machine too busy for the control even more so
        elif any(pair.judged for pair in self.lag):
            lag = "broken"
        agreement: Verdict = "not judged" if self.agreement else "not measured"
        if any(one.judged for one in self.agreement):
            same = all(one.same for one in self.agreement if one.judged)
            agreement = "kept" if same else "broken"
        return {
            "send_lag": lag,
            "sustained_rate": "kept" if self.rate_ratio >= RATE_SHARE else "broken",
            "agreement": agreement,
        }

    def as_json(self) -> dict[str, object]:
        """Everything, with what follows from it, as plain values."""
        return asdict(self) | {
            "sustained_rps": self.sustained_rps,
            "rate_ratio": self.rate_ratio,
            "verdicts": self.verdicts,
        }


def check_generator(
    cpu_server: int | None, cpu_load: int | None, seconds: float = 2.0, pairs: int = 16
) -> GeneratorReport:
    """Measure all three; takes about 60 s + 50 x `seconds`. None: not pinned to a core.

    Many short stretches for the lag: the shorter, the more alike are a stretch and its controls.
    """
    before = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    cpus = None if cpu_load is None else [cpu_load]
    with LoadProcess(cpus=cpus) as load:
        with _responder(cpu_server) as server:
            lag = _lag_pairs(load, server, cpu_load, seconds / 2, pairs)
            plain = [_plain_locust(server, cpu_load, seconds)]
            steps = _climb(load, server, plain[0] * RATE_SHARE)
            plain.append(_plain_locust(server, cpu_load, seconds))
        tool, tool_rps, agreement = _compare(load, cpu_server, cpu_load, 8 * seconds)
    after = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return GeneratorReport(
        cpus=(-1 if cpu_server is None else cpu_server, -1 if cpu_load is None else cpu_load),
        load_average=(before, after),
        lag=lag,
        plain_locust_rps=tuple(plain),
        steps=steps,
        tool=tool,
        tool_rps=tool_rps,
        agreement=agreement,
    )


@dataclass(frozen=True)
class _Server:
    url: str
    pid: int


@contextmanager
def _responder(cpu: int | None, *options: str) -> Iterator[_Server]:
    command = [sys.executable, "-m", "bench.experiments.responder", *options]
    process = _started(command)
    try:
        _pin(process.pid, cpu)
        assert process.stdout is not None
        yield _Server(f"http://127.0.0.1:{process.stdout.readline().strip()}", process.pid)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _lag_pairs(
    load: LoadProcess, server: _Server, cpu: int | None, seconds: float, pairs: int
) -> tuple[LagPair, ...]:
    """Control, load, control, load, ..., control."""
    _arrivals(load, server, ARRIVALS_RPS, 0.3, 0)  # the load process has started when it ends
    before, found = _control_ms(cpu, seconds, 0), []
    for number in range(pairs):
        result = _arrivals(load, server, ARRIVALS_RPS, seconds, number)
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
    arguments = ["pacing_control", f"{ARRIVALS_RPS}", f"{seconds}", f"{seed}"]
    return np.asarray(_printed(arguments, cpu), dtype=np.float64)


def _plain_locust(server: _Server, cpu: int | None, seconds: float) -> float:
    """The better of two runs: what is slow once was the machine's doing."""
    arguments = ["plain_locust", server.url, f"{seconds}", f"{CLIENTS}"]
    return max(float(_printed(arguments, cpu)["rps"]) for _ in range(2))


def _climb(load: LoadProcess, server: _Server, start_rps: float) -> tuple[RateStep, ...]:
    """Steps of a tenth upwards until one fails twice; downwards first if the first one does."""
    steps: list[RateStep] = []
    rate, rising = start_rps, True
    while len(steps) < 40 and rate > 100:
        tried = _try_rate(load, server, rate)
        steps += tried
        if tried[-1].sustained:
            if not rising:
                break
            rate *= STEP
        elif any(step.sustained for step in steps):
            break
        else:
            rising = False
            rate /= STEP
    return tuple(steps)


def _try_rate(load: LoadProcess, server: _Server, rate: float) -> list[RateStep]:
    """One step, a second time if it failed."""
    tried: list[RateStep] = []
    while len(tried) < 2 and not (tried and tried[-1].sustained):
        before = process_cpu(server.pid) or 0.0
        result = _arrivals(load, server, rate, STEP_S, len(tried))
        lag_ms = _lag_ms(result)
        tried.append(
            RateStep(
                offered_rps=rate,
                planned=result.planned,
                sent=len(result.due_s),
                skipped=result.skipped,
                failures=sum(error != "" for error in result.error),
                send_lag_ms_p50=float(np.quantile(lag_ms, 0.5)),
                send_lag_ms_p99=float(np.quantile(lag_ms, 0.99)),
                last_lag_ms_p50=float(np.median(lag_ms[-len(lag_ms) // 4 :])),
                server_cpu=((process_cpu(server.pid) or 0.0) - before) / result.drained_s,
            )
        )
    return tried


def _compare(
    load: LoadProcess, cpu_server: int | None, cpu_load: int | None, seconds: float
) -> tuple[str, float, tuple[Agreement, ...]]:
    """The same even arrivals from the other tool, from ours, and from the other tool again, at a
    server with known delays.
    """
    if find_tool() is None:
        return "", 0.0, ()
    options = ("--median-ms", f"{DELAY_MS}", "--sigma", f"{DELAY_SIGMA}")
    with _responder(cpu_server, *options) as server:
        theirs = run_tool(server.url + _PATH, COMPARED_RPS, seconds, cpu_load)
        count = round(COMPARED_RPS * seconds)
        visits = [Visit(n / COMPARED_RPS, "product_read", n) for n in range(count)]
        result = _replay(load, server, visits, seconds)
        again = run_tool(server.url + _PATH, COMPARED_RPS, seconds, cpu_load)
    ours_ms = (np.asarray(result.done_s) - np.asarray(result.sent_s)) * 1000
    samples = (ours_ms, theirs.response_ms, again.response_ms)
    found = [Agreement(q, *(float(np.quantile(one, q)) for one in samples)) for q in QUANTILES]
    return theirs.tool, theirs.rate_rps, tuple(found)


def _arrivals(load: LoadProcess, server: _Server, rate: float, seconds: float, seed: int) -> Result:
    rng, due, visits = random.Random(seed), 0.0, []
    while (due := due + rng.expovariate(rate)) < seconds:
        visits.append(Visit(due, "product_read", rng.getrandbits(63)))
    return _replay(load, server, visits, seconds)


def _replay(load: LoadProcess, server: _Server, visits: list[Visit], seconds: float) -> Result:
    target = Target(server.url, ["none"])
    return load.run_open(target, visits, (0.0, seconds), users_ahead=CLIENTS)


def _near(value_ms: float, other_ms: float) -> bool:
    return abs(value_ms - other_ms) <= max(SAME_MS, SAME_SHARE * other_ms)


def _lag_ms(result: Result) -> NDArray[np.float64]:
    return (np.asarray(result.sent_s, np.float64) - np.asarray(result.due_s, np.float64)) * 1000


def _printed(arguments: Sequence[str], cpu: int | None) -> Any:
    """What a module of this folder prints as JSON, run on `cpu`."""
    command = [sys.executable, "-m", f"bench.experiments.{arguments[0]}", *arguments[1:]]
    process = _started(command)
    _pin(process.pid, cpu)
    return json.loads(process.communicate(timeout=120)[0])


def _started(command: Sequence[str]) -> subprocess.Popen[str]:
    """A child that does not outlive us, however we end."""
    orphaned = die_with_parent if sys.platform == "linux" else None
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=orphaned)


def _pin(pid: int, cpu: int | None) -> None:
    if cpu is not None and hasattr(psutil.Process, "cpu_affinity"):
        psutil.Process(pid).cpu_affinity([cpu])


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
