"""`latency` for services of the user's own: the same trials, gates and statistics.

The load is the user's locustfile, replayed open-loop, or the shop's own mixes. The first URL is
the baseline. Neighbours: `foreign` knows the services, `latency` is the same for our deployments.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa

from bench.errors import ShopbenchError
from bench.experiments.fleet import prime_orders
from bench.experiments.foreign import ForeignSubject, check_reachable, open_process, pinned_to
from bench.experiments.laboratory import (
    TRIAL_OVERHEAD_S,
    Attempt,
    Laboratory,
    Series,
    run_series,
    shuffled,
    store,
)
from bench.experiments.latency.plan import EXPERIMENT
from bench.experiments.options import PairOptions, RunOptions
from bench.experiments.precision import precise_enough
from bench.experiments.probing import (
    PROBE_CLIENTS,
    PROBE_WARMUP_S,
    Cell,
    closed_loop_rps,
    rates_of,
)
from bench.experiments.trial import TrialKey
from bench.journal import Trial, TrialStatus
from bench.load.generator import ClosedLoop, LoadError, Target
from bench.load.mixes import MIXES
from bench.load.plan import Result, Visit
from bench.load.schedule import Schedule, ScheduleSpec, arrival_times, build_schedule
from bench.load.tokens import request_tokens

UNCONTROLLED = (
    "The servers were started, and pinned or not, by the user: uncontrolled. "
    "Their CPU, background work and database are known only as far as this report shows them"
)
MAX_USERS = 400  # of a locustfile: each may hold a connection; descriptors stay below 900
MAX_OPERATIONS = 30  # names of requests; more are addresses, not operations
CHECK_LIMIT_S = 60.0
_PREPARE_S = 1.0  # planned for making the users of a trial
_FILE_ERROR = "LocustfileError: "
_PROBE_VISITS = 2_000


@dataclass(frozen=True)
class Probed:
    """What the probes found: requests a second of each service, requests and time of a visit."""

    capacity_rps: dict[str, float]
    steps_per_visit: float
    visit_s: float


@dataclass(frozen=True)
class _Load:
    """What is sent to the subjects, in blocks of one trial each."""

    subjects: tuple[ForeignSubject, ...]
    locustfile: str
    digest: str


def check_pair(names: list[str], options: RunOptions) -> None:
    """Refuse what cannot be measured, before anything is written. Raises ShopbenchError (usage)."""
    pair = options.pair
    if pair is None:
        return
    if names != [EXPERIMENT]:
        raise ShopbenchError(f"with --url there is only `run {EXPERIMENT}`", 2)
    if options.deployments:
        raise ShopbenchError("--deployments are ours and --url are yours: give one of the two", 2)
    if options.sweep is not None:
        raise ShopbenchError("--sweep is for the shop; with --url the load is --rate", 2)
    if pair.locustfile and options.mixes:
        raise ShopbenchError("--mixes are the shop's; with --locustfile the file is the load", 2)
    if pair.locustfile and options.load_workers > 1:
        raise ShopbenchError("a locustfile of your own is replayed by one --load-workers", 2)
    check_reachable(pair)
    if pair.locustfile:
        check_locustfile(Path(pair.locustfile))


def check_locustfile(path: Path) -> None:
    """Load the file in a process of its own. Raises ShopbenchError (usage) with file and line."""
    command = [sys.executable, "-m", "bench.load.userfile", str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CHECK_LIMIT_S, check=False
        )
        said = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError) as exc:
        raise ShopbenchError(f"{path.name}: cannot be loaded", 2) from exc
    if "error" in said:
        raise ShopbenchError(str(said["error"]), 2)


def run(lab: Laboratory) -> None:
    """Probe, choose the rates, run the blocks."""
    pair = lab.options.pair
    assert pair is not None  # the runner's reason to come here
    check_reachable(pair)
    load = _load(lab, pair)
    mixes = _mixes(lab, pair)
    _describe(lab, pair, load, mixes)
    _announce(lab, load, mixes)
    cells, probed = _cells(lab, pair, load, mixes)
    run_series(lab, [_series(lab, load, cell, probed[cell.mix]) for cell in cells])
    if load.locustfile:  # after an error the load process may be in the middle of a trial
        _dismiss(lab, load)


def _load(lab: Laboratory, pair: PairOptions) -> _Load:
    pids = dict(pair.pids)
    subjects = []
    for name, url in pair.urls:
        tokens = [] if pair.locustfile else request_tokens(lab.options.shop_seed, url)
        target = Target(url, tokens, locustfile=pair.locustfile)
        subjects.append(ForeignSubject(name, target, open_process(pids.get(name))))
    digest = ""
    if pair.locustfile:
        digest = hashlib.sha256(Path(pair.locustfile).read_bytes()).hexdigest()
    return _Load(tuple(subjects), pair.locustfile, digest)


def _mixes(lab: Laboratory, pair: PairOptions) -> tuple[str, ...]:
    if not pair.locustfile:
        return lab.options.mixes or lab.profile.mixes
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", Path(pair.locustfile).stem) or "own"
    return (f"own_{stem}" if stem in MIXES else stem,)


def _describe(lab: Laboratory, pair: PairOptions, load: _Load, mixes: tuple[str, ...]) -> None:
    """Leave in the journal what the report has to say about the services."""
    lab.writer.add_settings(
        deployments=[name for name, _ in pair.urls],
        mixes=list(mixes),
        deployments_stay_up=True,
        own_pair={
            "urls": dict(pair.urls),
            "locustfile": Path(pair.locustfile).name if pair.locustfile else None,
            "locustfile_sha256": load.digest or None,
            "pids": dict(pair.pids),
            "pinned_to_cpus": pinned_to(pair),
        },
    )
    lab.writer.mark_uncontrolled(UNCONTROLLED)
    unmetered = [name for name, _ in pair.urls if name not in dict(pair.pids)]
    if unmetered:
        lab.writer.note(f"no --pid for {', '.join(unmetered)}: CPU and foreign CPU not measured")


def _announce(lab: Laboratory, load: _Load, mixes: tuple[str, ...]) -> None:
    profile = lab.profile
    trial_s = profile.probe_s + PROBE_WARMUP_S + TRIAL_OVERHEAD_S
    lab.progress.plan(len(load.subjects) * len(mixes) * trial_s)
    shares = 1 if _rate(lab) else len(profile.load_shares)
    blocks = sum(_block_s(lab, load, mix) for mix in mixes) * shares * profile.min_blocks
    lab.progress.plan(blocks)
    lab.rerun_budget_s += profile.rerun_share * blocks


def _rate(lab: Laboratory) -> float | None:
    return lab.options.pair.rate if lab.options.pair else None


def _block_s(lab: Laboratory, load: _Load, mix: str) -> float:
    prepare_s = _PREPARE_S if load.locustfile else 0.0
    spec = _spec(lab, load, Cell(mix, 1.0), 0, 1.0)
    return (spec.measured_to_s + TRIAL_OVERHEAD_S + prepare_s) * len(load.subjects)


def _spec(lab: Laboratory, load: _Load, cell: Cell, seed: int, steps: float) -> ScheduleSpec:
    profile = lab.profile
    steps_per_visit = steps if load.locustfile else None
    return ScheduleSpec(
        mix=cell.mix,
        offered_rps=cell.offered_rps,
        seed=seed,
        primer_s=profile.primer_s,
        warmup_s=profile.warmup_s,
        measured_s=profile.mixed_measured_s,
        steps_per_visit=steps_per_visit,
    )


def own_schedule(spec: ScheduleSpec, digest: str) -> Schedule:
    """When visits arrive, and the number that class and task are drawn with. Pure.

    The SHA-256 covers the locustfile as well: the same schedule is the same load.
    """
    rng = random.Random(f"{spec.seed}/contents")
    visits = [Visit(due_s, "", rng.getrandbits(63)) for due_s in arrival_times(spec)]
    content = msgspec.msgpack.encode(visits) + digest.encode()
    return Schedule(spec, visits, hashlib.sha256(content).hexdigest())


def users_needed(spec: ScheduleSpec, probed: Probed) -> int:
    """Instances for a trial: a second's visits, or thrice those usually under way; bounded."""
    visits_rps = spec.offered_rps / probed.steps_per_visit
    return min(MAX_USERS, math.ceil(visits_rps * max(1.0, 3 * probed.visit_s)) + 16)


def _cells(
    lab: Laboratory, pair: PairOptions, load: _Load, mixes: tuple[str, ...]
) -> tuple[list[Cell], dict[str, Probed]]:
    kept = lab.setting("probed")
    probed = (
        {mix: msgspec.convert(value, Probed) for mix, value in kept.items()}
        if kept
        else {mix: _probe(lab, load, mix) for mix in mixes}
    )
    cells = [
        Cell(mix, rate)
        for mix in mixes
        for rate in (
            [pair.rate]
            if pair.rate
            else rates_of(probed[mix].capacity_rps, lab.profile.load_shares)
        )
    ]
    lab.writer.add_settings(
        probed={mix: msgspec.to_builtins(value) for mix, value in probed.items()},
        load_shares=[] if pair.rate else list(lab.profile.load_shares),
        reference_rps={cell.mix: cell.offered_rps for cell in reversed(cells)},
        **({} if pair.rate else {"capacity_rps": {m: p.capacity_rps for m, p in probed.items()}}),
    )
    return cells, probed


def _probe(lab: Laboratory, load: _Load, mix: str) -> Probed:
    """Saturate each service in turn; with a rate given only look, with one client."""
    capacity, steps, times = {}, [], []
    for subject in load.subjects:
        lab.progress.say(f"probing {subject.name}: {mix}")
        if load.locustfile:
            found = _probe_file(lab, subject)
            capacity[subject.name] = found.capacity_rps[subject.name]
            steps.append(found.steps_per_visit)
            times.append(found.visit_s)
        else:
            prime_orders(
                lab.load, subject.target, lab.options.shop_seed.users * lab.profile.primed_orders
            )
            if not _rate(lab):
                capacity[subject.name] = closed_loop_rps(lab, subject, mix)
        lab.progress.done(lab.profile.probe_s + PROBE_WARMUP_S + TRIAL_OVERHEAD_S)
    return Probed(capacity, sum(steps) / len(steps) if steps else 1.0, max(times) if times else 0.0)


def _probe_file(lab: Laboratory, subject: ForeignSubject) -> Probed:
    """Raises ShopbenchError: usage for an error of the file, 1 if no answer is right."""
    clients = 1 if _rate(lab) else PROBE_CLIENTS
    seed = lab.seed("probe", subject.target.locustfile)
    rng = random.Random(seed)
    visits = [Visit(0.0, "", rng.getrandbits(63)) for _ in range(_PROBE_VISITS)]
    loop = ClosedLoop(clients, PROBE_WARMUP_S, lab.profile.probe_s)
    try:
        lab.load.prepare(subject.target, clients, seed)
    except LoadError as exc:
        before, marker, text = exc.message.partition(_FILE_ERROR)
        raise ShopbenchError(text if marker else before, 2 if marker else 3) from exc
    result = lab.load.run_closed(subject.target, visits, loop)
    return _read_probe(subject.name, subject.target, result, loop)


def _read_probe(name: str, target: Target, result: Result, loop: ClosedLoop) -> Probed:
    file = Path(target.locustfile).name
    broken = next((text for text in result.error if text.startswith(f"{file}:")), None)
    if broken:
        raise ShopbenchError(f"{broken} (against {name})", 2)
    end = loop.warmup_s + loop.measured_s
    good = sum(
        not error and loop.warmup_s <= done < end
        for error, done in zip(result.error, result.done_s, strict=True)
    )
    if not result.due_s:
        raise ShopbenchError(f"{file}: its tasks make no request through self.client", 2)
    names = set(result.operation)
    if len(names) > MAX_OPERATIONS:
        few = ", ".join(sorted(names)[:3])
        raise ShopbenchError(
            f"{file}: {len(names)} kinds of requests ({few}, …): give like ones one name=…", 2
        )
    if not good:
        reason = next((text for text in result.error if text), "no answer in time")
        raise ShopbenchError(f"{name} answers nothing of {file} rightly: {reason}", 1)
    visits = len(set(result.visit))
    rps = good / loop.measured_s
    steps = len(result.due_s) / visits
    return Probed({name: rps}, steps, loop.concurrency * steps / rps)


def _series(lab: Laboratory, load: _Load, cell: Cell, probed: Probed) -> Series:
    return Series(
        label=f"{EXPERIMENT} {cell.mix}",
        planned_s=_block_s(lab, load, cell.mix),
        attempt=lambda block: _attempt(lab, load, cell, probed, block),
        precise=lambda: precise_enough(lab, EXPERIMENT, cell),
        key=(EXPERIMENT, cell.mix, cell.offered_rps),
        names=tuple(subject.name for subject in load.subjects),
    )


def _attempt(lab: Laboratory, load: _Load, cell: Cell, probed: Probed, block: int) -> Attempt:
    by_name = {subject.name: subject for subject in load.subjects}

    def attempt(number: int) -> list[TrialStatus]:
        seed = lab.seed(EXPERIMENT, cell.mix, cell.offered_rps, block, number)
        spec = _spec(lab, load, cell, seed, probed.steps_per_visit)
        statuses = []
        for position, name in enumerate(shuffled(tuple(by_name), seed)):
            again = f", attempt {number + 1}" if number else ""
            lab.progress.say(f"block {block + 1}: {cell.mix} on {name}{again}")
            key = TrialKey(EXPERIMENT, block, number, position)
            statuses.append(store(lab, _trial(lab, load, key, by_name[name], spec, probed)))
        return statuses

    return attempt


def _trial(  # noqa: PLR0913, PLR0917 - what one trial consists of
    lab: Laboratory,
    load: _Load,
    key: TrialKey,
    subject: ForeignSubject,
    spec: ScheduleSpec,
    probed: Probed,
) -> tuple[Trial, pa.Table]:
    if not load.locustfile:
        return lab.bench.run_open(key, subject, build_schedule(spec))
    lab.load.prepare(subject.target, users_needed(spec, probed), spec.seed)
    return lab.bench.run_open(key, subject, own_schedule(spec, load.digest))


def _dismiss(lab: Laboratory, load: _Load) -> None:
    """End the users of the last trial; that it fails is no news if the load process is gone."""
    try:
        lab.load.prepare(load.subjects[0].target, 0, 0)
    except LoadError:
        return
