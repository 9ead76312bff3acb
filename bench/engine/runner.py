"""Runs experiments from start to end: `run(names, options)`.

Whatever ends it, what was measured is in the run folder and no process is left. The report is
built from that folder by `bench.report`; the command line puts the two together.
"""

from __future__ import annotations

import math
import secrets
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from bench.deployments.base import Deployment, UpOptions
from bench.deployments.local.external import names_own_servers
from bench.deployments.local.home import StateHome
from bench.deployments.local.topology import parse_topology
from bench.deployments.places import open_at
from bench.engine.deployment_fleet import Fleet
from bench.engine.fail_on import broken, check_measurable, parse_condition
from bench.engine.host_cpus import check_place, choose_cpus, place_settings
from bench.engine.likeness import take_over
from bench.engine.neighbours import at_work
from bench.engine.options import PROFILES, Profile, RunOptions, profile_of
from bench.engine.progress import Progress, duration
from bench.engine.resume import OPTIONS, reopen, spent_before, stored_options
from bench.engine.run_context import RERUNS, RunContext
from bench.engine.threshold_metrics import measured_values
from bench.engine.trial import Bench
from bench.errors import ShopbenchError, near
from bench.load.generator import LoadProcess
from bench.load.mixes import MIXES
from bench.load.plan import REQUEST_TIMEOUT_S
from bench.load.tokens import request_tokens, sign_tokens
from bench.machine import machine_facts, package_versions, source_commit
from bench.registry import Planned, chosen, idle_options, registered, remembered
from bench.results.journal import RunFacts, RunReader, RunWriter

SLO_MS = 200.0
INTERRUPTED_EXIT = 130
NO_BUDGET = "this machine allows no CPU budget: uncontrolled"
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class RunStopped(ShopbenchError):
    """The run ended early; `run_dir` holds what was measured."""

    def __init__(self, run_dir: Path, message: str, exit_code: int) -> None:
        go_on = f"shopbench run --resume {shlex.quote(str(run_dir))}"
        super().__init__(f"{message}; what was measured is kept, go on by `{go_on}`", exit_code)
        self.run_dir = run_dir


class ExpectationBroken(ShopbenchError):
    """A `--fail-on` condition was met; `run_dir` holds the complete run."""

    def __init__(self, run_dir: Path, lines: list[str]) -> None:
        super().__init__("; ".join(lines), 1)
        self.run_dir = run_dir


Report = Callable[[Path], object]


def run(names: list[str], options: RunOptions, report: Report | None = None) -> Path:
    """Run the named experiments, report, judge `fail_on`; return the run folder.

    `report` (the command line hands in `build_report`) gets the folder of every run that
    measured something, also of one that was stopped. Raises ShopbenchError: usage (2) before
    anything starts, RunStopped after Ctrl-C or SIGTERM, ExpectationBroken (1), and whatever
    stopped an experiment.
    """
    return _reported(lambda: measure(names, options), options.fail_on, report)


def resume(
    run_dir: Path,
    report: Report | None = None,
    *,
    quiet: bool = False,
    max_minutes: float | None = None,
) -> Path:
    """Finish an interrupted run with the experiments and options of its journal.

    `max_minutes`: another limit, of all its sittings together. Raises what `run` raises, and usage
    (2) if the run cannot be gone on with: see `reopen`.
    """
    writer, asked = reopen(run_dir)
    names, options = asked.experiments, replace(asked.options, quiet=quiet)
    if max_minutes is not None:
        options = replace(options, max_minutes=max_minutes)
        idle_options(chosen(names, options), options)
        writer.add_settings(**{OPTIONS: stored_options(names, options)})
        writer.note(f"from here on the time limit is {duration(max_minutes * 60)} in all")
    return _reported(lambda: _carry_out(names, options, writer), options.fail_on, report)


def _reported(
    measured: Callable[[], Path], fail_on: tuple[str, ...], report: Report | None
) -> Path:
    try:
        run_dir = measured()
    except RunStopped as stopped:
        journal = RunReader(stopped.run_dir).journal
        if report is not None and (journal.trials or journal.episodes):
            with suppress(ShopbenchError, KeyboardInterrupt):  # what stopped the run is the news
                _build(report, stopped.run_dir)
        raise
    if report is not None:
        _build(report, run_dir)
    check_expectations(run_dir, fail_on)
    return run_dir


def _build(report: Report, run_dir: Path) -> None:
    try:
        report(run_dir)
    except KeyboardInterrupt:
        again = f"shopbench report {shlex.quote(str(run_dir))}"
        raise ShopbenchError(f"interrupted; `{again}` writes its report", 130) from None
    except OSError as exc:
        raise ShopbenchError(f"cannot write the report to {run_dir}: {exc.strerror}", 3) from exc


def measure(names: list[str], options: RunOptions) -> Path:
    """Run the named experiments one after the other on the same deployments; return the folder.

    Raises RunStopped with a complete and readable folder if something ended it early.
    """
    profile, options = _checked(names, options)
    cpus, load_cpus, remarks = choose_cpus(options.cpus, options.load_workers)
    facts = _facts(names, options, profile, (cpus, load_cpus))
    writer = RunWriter.create(options.results_root, _run_id(names, profile), facts)
    for remark in remarks:
        writer.note(remark)
    if options.like is not None:
        take_over(writer, options.like)
    return _carry_out(names, options, writer)


def _carry_out(names: list[str], options: RunOptions, writer: RunWriter) -> Path:
    progress = Progress(quiet=options.quiet)
    try:
        with _interruptible(), at_work(writer) as neighbours:
            for line in (*_announced(names, options, writer), *neighbours):
                progress.tell(line)
            _measure(names, options, profile_of(options.profile), writer, progress)
    except KeyboardInterrupt:
        _end_early(writer)
        raise RunStopped(writer.path, "interrupted", INTERRUPTED_EXIT) from None
    except ShopbenchError as exc:
        _end_early(writer, f"stopped: {exc.message}")
        raise RunStopped(writer.path, exc.message, exc.exit_code) from exc
    except OSError as exc:  # the disk, the results folder or a process table is full
        message = f"{exc.strerror or exc}" + (f": {exc.filename}" if exc.filename else "")
        _end_early(writer, f"stopped: {message}")
        raise RunStopped(writer.path, message, 3) from exc
    else:
        writer.finish()
    finally:
        progress.close()
        writer.close()
    return writer.path


def _announced(names: list[str], options: RunOptions, writer: RunWriter) -> list[str]:
    """What the run says of itself before it starts anything."""
    journal = writer.journal
    if journal.trials or journal.episodes:
        held = f"{len(journal.trials)} trials and {len(journal.episodes)} episodes"
        return [f"going on with {writer.path}, which has {held}"]
    told = [f"{' '.join(names)}, profile {options.profile}"]
    told.append(f"planned to take {said(expected_duration(names, options))}")
    if _adaptive(options):
        told.append("more where intervals stay wide")
    if options.max_minutes is not None:
        told.append(f"no block begun after {duration(options.max_minutes * 60)}")
    return ["; ".join(told), *idle_options(chosen(names, options), options)]


def _adaptive(options: RunOptions) -> bool:
    profile = profile_of(options.profile)
    return profile.max_blocks > profile.min_blocks


def _end_early(writer: RunWriter, note: str = "") -> None:
    """State the early end, if the disk still allows it; the journal is readable either way."""
    with suppress(ShopbenchError):
        if note:
            writer.note(note)
        writer.finish(interrupted=True)


def expected_duration(names: list[str], options: RunOptions) -> Planned:
    """How long a run is planned to take. Raises ShopbenchError on wrong usage."""
    profile, options = _checked(names, options)
    settings = {"cpus": choose_cpus(options.cpus, options.load_workers)[0]}
    pieces = [each.planned(options, profile, settings) for each in chosen(names, options)]
    return sum(pieces, Planned(0.0))


def said(planned: Planned) -> str:
    """A plan as people say it: '4 min to 5 min' where reruns may come on top."""
    least, most = duration(planned.planned_s), duration(planned.planned_s + planned.reruns_s)
    return least if least == most else f"{least} to {most}"


def durations() -> dict[str, dict[str, str]]:
    """The planned duration of every experiment in every profile, as `--help` lists them."""
    return {
        each.name: {
            profile: said(expected_duration([each.name], RunOptions(profile=profile)))
            for profile in PROFILES
        }
        for each in registered()
        if not each.instead_of
    }


def check_expectations(run_dir: Path, fail_on: tuple[str, ...]) -> None:
    """Hold a finished run against `--fail-on` conditions. Raises ExpectationBroken."""
    conditions = [parse_condition(text) for text in fail_on]
    if conditions:
        lines = broken(conditions, measured_values(RunReader(run_dir)))
        if lines:
            raise ExpectationBroken(run_dir, lines)


def _checked(names: list[str], options: RunOptions) -> tuple[Profile, RunOptions]:
    """Refuse what cannot be run; the options with full names. Raises ShopbenchError (usage)."""
    experiments = chosen(names, options)
    for mix in options.mixes:
        if mix not in MIXES:
            raise ShopbenchError(f"unknown mix {mix!r}{near(mix, MIXES)}", 2)
    canonical = [parse_topology(name).name for name in options.deployments]
    if len(set(canonical)) != len(canonical):
        raise ShopbenchError("a deployment is named twice", 2)
    conditions = [parse_condition(text) for text in options.fail_on]
    profile, options = profile_of(options.profile), replace(options, deployments=tuple(canonical))
    idle_options(experiments, options)
    check_place(experiments, options)
    for each in experiments:
        each.check(options)
    offered = [each.measurable(options, profile) for each in experiments] if conditions else []
    for condition in conditions:
        check_measurable(condition, [each for each in offered if each is not None])
    return profile, options


def _measure(
    names: list[str], options: RunOptions, profile: Profile, writer: RunWriter, progress: Progress
) -> None:
    settings = writer.journal.settings
    cpus = tuple(settings["cpus"])
    up = UpOptions(seed=options.shop_seed, cpus=cpus)
    ports = iter(range(options.base_port, options.base_port + 100)) if options.base_port else None

    def opener(name: str):  # type: ignore[no-untyped-def]
        port = next(ports) if ports and not profile.restart else options.base_port
        return open_at(options.place, name, base_port=port, options=up)

    def tokens(deployment: Deployment) -> list[str]:
        key = StateHome.from_environment().keys / "signing.pem"
        if key.exists():
            return sign_tokens(options.shop_seed, key)
        return request_tokens(options.shop_seed, deployment.base_url)

    begun = time.monotonic()
    with (
        LoadProcess(
            cpus=settings["load_cpus"], workers=options.load_workers, shop=options.shop_seed
        ) as load,
        Fleet(
            opener,
            tokens,
            restart=profile.restart,
            uncontrolled=lambda: writer.mark_uncontrolled(NO_BUDGET),
        ) as fleet,
    ):
        bench = Bench(load)
        spent_s = settings.get(RERUNS, {}).get("spent_s", 0.0)
        ctx = RunContext(options, profile, writer, load, bench, fleet, progress, -spent_s)
        limit_s = _time_left(options, writer)
        experiments = chosen(names, options)
        plans = [each.planned(options, profile, settings) for each in experiments]
        for number, (experiment, planned) in enumerate(zip(experiments, plans, strict=True)):
            now = time.monotonic()
            left_s = sum(each.planned_s for each in plans[number:])
            share = planned.planned_s / left_s if left_s else 1 / (len(plans) - number)
            ctx.deadline = now + (begun + limit_s - now) * share
            progress.later(left_s - planned.planned_s)
            progress.plan(planned.planned_s)
            ctx.rerun_budget_s += planned.reruns_s
            experiment.run(ctx)
        if names_own_servers():
            writer.mark_uncontrolled("databases on servers of the user's own, outside the budget")


def _time_left(options: RunOptions, writer: RunWriter) -> float:
    """Seconds of the time limit that earlier sittings of this run left over."""
    if options.max_minutes is None:
        return math.inf
    return options.max_minutes * 60 - spent_before(writer.journal)


def _facts(
    names: list[str],
    options: RunOptions,
    profile: Profile,
    cpus: tuple[tuple[int, ...], tuple[int, ...]],
) -> RunFacts:
    commit, dirty = source_commit()
    return RunFacts(
        command=options.command,
        commit=commit or "unknown",
        dirty=bool(dirty),
        machine=machine_facts(),
        versions=package_versions(),
        settings={
            OPTIONS: stored_options(names, options),
            "cpus": list(cpus[0]),
            "load_cpus": list(cpus[1]),
            **place_settings(options),
            "slo_ms": SLO_MS,
            "request_timeout_s": REQUEST_TIMEOUT_S,
            "shop_seed": options.shop_seed.seed,
            "shop_users": options.shop_seed.users,
            "shop_products": options.shop_seed.products,
            "deployments_stay_up": not profile.restart,
            **remembered(),
        },
        profile=profile.name,
        seed=options.seed,
        controlled=True,
    )


def _run_id(names: list[str], profile: Profile) -> str:
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{now}-{'-'.join(names)}-{profile.name}-{secrets.token_hex(2)}"


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run in the same order as Ctrl-C; a second signal waits for it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in STOPPING:
            signal.signal(each, signal.SIG_IGN)  # nothing may break the cleaning up
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in STOPPING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
