"""Whole runs, against echo servers: blocks, reruns, interruption, expectations."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.errors import ShopbenchError
from bench.experiments.options import PROFILES, RunOptions
from bench.experiments.placing import choose_cpus
from bench.experiments.runner import ExpectationBroken, RunStopped, run
from bench.journal import Gate, RunReader
from bench.load.generator import LoadError


def only_run(options: RunOptions) -> RunReader:
    (path,) = options.results_root.iterdir()
    return RunReader(path)


def load_processes() -> list[int]:
    return [
        process.pid
        for process in psutil.Process().children(recursive=True)
        if "bench.load.worker" in " ".join(process.cmdline())
    ]


@pytest.mark.usefixtures("calm_gates", "echo")
@pytest.mark.slow
def test_a_block_gives_every_deployment_the_same_schedule(options: RunOptions) -> None:
    path = run(["latency"], options)
    reader = RunReader(path)
    trials = reader.trials
    assert len(trials) == 2 * 2 * 2  # deployments x mixes x blocks
    for mix in ("product_read", "mixed"):
        for block in (0, 1):
            pair = [t for t in trials if (t.mix, t.block) == (mix, block)]
            assert {t.deployment for t in pair} == {"monolith", "modular"}
            assert {t.position for t in pair} == {0, 1}
            assert len({(t.schedule_sha256, t.seed, t.offered_rps) for t in pair}) == 1
    assert len({t.schedule_sha256 for t in trials}) == 4
    journal = reader.journal
    assert journal.finished_at is not None
    assert not journal.interrupted
    assert journal.settings["mixes"] == ["product_read", "mixed"]
    assert set(journal.settings["capacity_rps"]["mixed"]) == {"monolith", "modular"}
    assert load_processes() == []
    for trial in trials:
        rows = reader.rows(trial.trial_id)
        assert rows.num_rows == trial.sent == trial.planned == trial.cpu_requests
        assert set(rows.column("error").to_pylist()) == {""}
        assert trial.usage["echo"].cpu_seconds > 0


@pytest.mark.slow
@pytest.mark.usefixtures("echo")
def test_an_invalid_block_is_kept_and_run_again_whole_at_most_twice(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = (Gate("foreign_cpu", 1.0, 0.05, "cores", "fail"),)
    monkeypatch.setattr("bench.experiments.trial.judge", lambda _: bad)
    many = replace(PROFILES["tiny"], max_reruns=2, rerun_share=100.0, min_blocks=1, max_blocks=1)
    monkeypatch.setitem(PROFILES, "tiny", many)
    monkeypatch.setattr("bench.experiments.laboratory.EXTRA_BLOCKS", 1)
    trials = RunReader(run(["latency"], replace(options, mixes=("product_read",)))).trials
    assert [t.attempt for t in trials if t.block == 0] == [0, 0, 1, 1, 2, 2]
    assert {t.status for t in trials} == {"invalid"}
    assert len({t.seed for t in trials if t.block == 0}) == 3
    assert {t.block for t in trials} == {0, 1}  # one more tried in its place


@pytest.mark.usefixtures("echo")
@pytest.mark.slow
def test_reruns_stop_when_their_time_is_spent(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = (Gate("foreign_cpu", 1.0, 0.05, "cores", "fail"),)
    monkeypatch.setattr("bench.experiments.trial.judge", lambda _: bad)
    tight = replace(PROFILES["tiny"], max_reruns=2, rerun_share=0.0)
    monkeypatch.setitem(PROFILES, "tiny", tight)
    trials = RunReader(run(["latency"], replace(options, mixes=("product_read",)))).trials
    assert {t.attempt for t in trials} == {0}


@pytest.mark.usefixtures("calm_gates", "echo")
def test_ctrl_c_keeps_what_was_measured_and_leaves_nothing_running(
    options: RunOptions, broken_after: Callable[..., None]
) -> None:
    broken_after(3, KeyboardInterrupt())
    reported: list[Path] = []
    with pytest.raises(RunStopped) as caught:
        run(["latency"], options, report=reported.append)
    reader = only_run(options)
    assert caught.value.exit_code == 130
    assert caught.value.run_dir == reader.path
    assert reported == [reader.path]
    assert len(reader.trials) == 3
    assert reader.journal.interrupted
    assert reader.journal.finished_at is not None
    assert load_processes() == []


@pytest.mark.usefixtures("calm_gates", "echo")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_a_trial_ends_the_run_in_order(
    options: RunOptions, number: int
) -> None:
    # in the middle of the probe of the first deployment: the parent waits for the load process
    timer = threading.Timer(3.0, lambda: os.kill(os.getpid(), number))
    long = replace(PROFILES["tiny"], probe_s=30.0)
    PROFILES["tiny"] = long
    timer.start()
    try:
        with pytest.raises(RunStopped, match="interrupted"):
            run(["latency"], options)
    finally:
        timer.cancel()
    assert only_run(options).journal.interrupted
    assert load_processes() == []


@pytest.mark.slow
@pytest.mark.usefixtures("calm_gates", "echo")
def test_a_lost_load_process_costs_one_block_not_the_run(
    options: RunOptions, broken_after: Callable[..., None]
) -> None:
    broken_after(1, LoadError("the load process died: boom"))
    reader = RunReader(run(["latency"], replace(options, mixes=("product_read",))))
    assert len(reader.trials) == 3
    assert any("boom" in note for note in reader.journal.notes)


@pytest.mark.usefixtures("calm_gates")
def test_a_deployment_that_answers_wrongly_stops_the_run_in_one_line(
    options: RunOptions, echo: type
) -> None:
    echo.server_options = {"modular": ("--status", "500")}
    with pytest.raises(ShopbenchError, match="cannot log seeded users in|does not take orders"):
        run(["latency"], options)
    reader = only_run(options)
    assert reader.journal.interrupted
    assert any(note.startswith("stopped:") for note in reader.journal.notes)


@pytest.mark.slow
@pytest.mark.usefixtures("calm_gates", "echo")
def test_expectations_are_judged_after_the_report(options: RunOptions) -> None:
    reported: list[Path] = []
    options = replace(options, mixes=("product_read",))
    strict = replace(options, fail_on=("p50>0ms", "errors>0%"))
    with pytest.raises(ExpectationBroken) as caught:
        run(["latency"], strict, report=reported.append)
    assert reported == [caught.value.run_dir]
    assert caught.value.exit_code == 1
    assert "errors" not in caught.value.message
    run(["latency"], replace(options, fail_on=("p50>10s", "errors>0%", "cpu>1000ms")))


@pytest.mark.slow
@pytest.mark.usefixtures("calm_gates", "echo")
def test_restarting_profiles_have_one_deployment_up_at_a_time(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch, echo: type
) -> None:
    fresh = replace(PROFILES["tiny"], restart=True, mixes=("product_read",), max_blocks=2)
    monkeypatch.setitem(PROFILES, "tiny", fresh)
    most: list[int] = []
    original = echo.usage

    def usage(self):  # type: ignore[no-untyped-def]
        most.append(len(echo.open_now))
        return original(self)

    monkeypatch.setattr(echo, "usage", usage)
    assert len(RunReader(run(["latency"], options)).trials) == 4
    assert max(most) == 1


@pytest.mark.parametrize(
    ("names", "changes", "says"),
    [
        ([], {}, "name an experiment"),
        (["speed"], {}, "unknown experiment 'speed'"),
        (["latency"], {"profile": "quik"}, "unknown profile 'quik'"),
        (["latency"], {"mixes": ("all",)}, "unknown mix 'all'"),
        (["capacity"], {"sweep": (0.5,)}, "--sweep is for latency and ladder"),
        (["latency"], {"sweep": (0.5,), "mixes": ("order",)}, "--sweep is for the mix mixed"),
        (["latency"], {"deployments": ("monolit",)}, "monolith"),
        (["latency"], {"deployments": ("modular", "Modular")}, "twice"),
        (["latency"], {"fail_on": ("p95=1",)}, "cannot read --fail-on"),
        (["latency"], {"cpus": (4096,)}, "CPU 4096 is not available"),
    ],
)
def test_wrong_usage_is_refused_before_anything_starts(
    options: RunOptions, names: list[str], changes: dict[str, object], says: str
) -> None:
    with pytest.raises(ShopbenchError, match=says) as caught:
        run(names, replace(options, **{"profile": "smoke", **changes}))  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    assert not options.results_root.exists()


def test_the_last_cpu_is_the_load_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.experiments.placing.usable_cpus", lambda: [0, 1, 2])
    assert choose_cpus(()) == ((0, 1), (2,), [])
    assert choose_cpus((0,)) == ((0,), (2,), [])
    assert choose_cpus((), workers=2) == ((0,), (1, 2), [])
    assert choose_cpus((), workers=4) == ((0,), (1, 2), [])
    monkeypatch.setattr("bench.experiments.placing.usable_cpus", lambda: [0])
    cpus, load_cpus, remarks = choose_cpus(())
    assert (cpus, load_cpus) == ((0,), (0,))
    assert "shares" in remarks[0]
