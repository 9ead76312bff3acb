"""What a deployment uses at one request a second, and at half of what it can do."""

from __future__ import annotations

from dataclasses import dataclass

from bench.deployments.base import Deployment
from bench.engine.capacity_probe import MIN_RPS, closed_loop_rps, two_digits
from bench.engine.first_answers import never_right
from bench.engine.run_context import TRIAL_OVERHEAD_S, RunContext, store
from bench.engine.target import DeploymentSubject
from bench.engine.trial import TrialKey
from bench.errors import ShopbenchError
from bench.experiments.footprint.meter import read
from bench.experiments.footprint.plan import HALF_WARMUP_S, Size
from bench.experiments.footprint.records import MIX, NAME, Load
from bench.load.generator import ClosedLoop
from bench.load.mixes import MIXES
from bench.load.schedule import Gaps, Schedule, ScheduleSpec, build_schedule

ONE_RPS = 1.0
WARM_CLIENTS, WARM_LIMIT_S = 8, 60.0


@dataclass(frozen=True)
class Loader:
    """Puts one started deployment under load. `number`, `position`: of its start."""

    ctx: RunContext
    size: Size
    deployment: Deployment
    subject: DeploymentSubject
    number: int
    position: int

    def one(self) -> Load:
        """One request a second, evenly spaced: few, so each of them counts."""
        return self._measured(self._schedule(ONE_RPS, 0.0, self.size.one_s), None)

    def half(self) -> Load:
        """Half of the right answers a second that a short closed loop gets."""
        self._warm_up()
        capacity_rps = closed_loop_rps(self.ctx, self.subject, MIX)
        rate = max(MIN_RPS, two_digits(capacity_rps / 2))
        schedule = self._schedule(rate, HALF_WARMUP_S, self.size.half_s)
        return self._measured(schedule, capacity_rps)

    def _warm_up(self) -> None:
        """As many visits in every deployment; nothing of them is measured."""
        count = self.size.warm_visits
        seed = self.ctx.seed(NAME, "warm-up")
        rate = count * MIXES[MIX].steps_per_visit
        visits = build_schedule(ScheduleSpec(MIX, rate, seed, 0.0, 0.0, 2.0)).visits
        loop = ClosedLoop(WARM_CLIENTS, 0.0, WARM_LIMIT_S, max_visits=count)
        wrong = never_right(self.ctx.load.run_closed(self.subject.target, visits, loop))
        if wrong:
            raise ShopbenchError(f"{self.subject.name} {wrong}", 1)

    def _schedule(self, rate: float, warmup_s: float, measured_s: float) -> Schedule:
        seed = self.ctx.seed(NAME, MIX, self.number, rate)
        gaps: Gaps = "uniform" if rate == ONE_RPS else "poisson"
        return build_schedule(ScheduleSpec(MIX, rate, seed, 0.0, warmup_s, measured_s, gaps=gaps))

    def _measured(self, schedule: Schedule, capacity_rps: float | None) -> Load:
        """One valid trial, or the last of those that may be tried."""
        seconds = schedule.spec.measured_to_s + TRIAL_OVERHEAD_S
        found = self._trial(schedule, capacity_rps)
        for _ in range(self.ctx.profile.max_reruns):
            if found.valid or not self.ctx.spend(seconds):
                break
            self.ctx.progress.plan(seconds)
            found = self._trial(schedule, capacity_rps)
            self.ctx.progress.done(seconds)
        return found

    def _trial(self, schedule: Schedule, capacity_rps: float | None) -> Load:
        key = TrialKey(NAME, self.number, self._attempt(schedule), self.position)
        first = read(self.deployment)
        trial, rows = self.ctx.bench.run_open(key, self.subject, schedule)
        window = read(self.deployment).since(first)
        return Load(
            deployment=self.deployment.name,
            number=self.number,
            half=capacity_rps is not None,
            offered_rps=trial.offered_rps,
            capacity_rps=capacity_rps,
            requests=trial.sent,
            wrong=sum(bool(error) for error in rows.column("error").to_pylist()),
            valid=store(self.ctx, (trial, rows)) != "invalid",
            window=window,
        )

    def _attempt(self, schedule: Schedule) -> int:
        """The next number that no trial of the journal has: a run may have been cut off here."""
        wanted = (NAME, self.number, self.deployment.name, schedule.spec.offered_rps)
        return sum(
            (each.experiment, each.block, each.deployment, each.offered_rps) == wanted
            for each in self.ctx.writer.journal.trials
        )
