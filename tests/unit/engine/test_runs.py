"""Whole runs, against echo servers: interruption, what is lost, expectations, wrong usage."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.engine import runner
from bench.engine.host_cpus import choose_cpus
from bench.engine.options import RunOptions
from bench.engine.runner import ExpectationBroken, RunStopped, run
from bench.errors import ShopbenchError
from bench.experiments.latency.plan import SIZES, Size
from bench.load.generator import LoadError, LoadProcess, Rounds
from bench.load.plan import Result
from bench.registry import chosen, idle_options, registered
from bench.results.journal import RunReader


@pytest.fixture
def options(options: RunOptions) -> RunOptions:
    return replace(options, mixes=("product_read",))


def only_run(options: RunOptions) -> RunReader:
    (path,) = options.results_root.iterdir()
    return RunReader(path)


def load_processes() -> list[int]:
    return [
        process.pid
        for process in psutil.Process().children(recursive=True)
        if "bench.load.worker" in " ".join(process.cmdline())
    ]


@pytest.mark.usefixtures("echo")
def test_ctrl_c_keeps_what_was_measured_and_leaves_nothing_running(
    options: RunOptions, cut_off_after: Callable[..., None]
) -> None:
    cut_off_after(1, KeyboardInterrupt())
    reported: list[Path] = []
    with pytest.raises(RunStopped) as caught:
        run(["latency"], options, report=reported.append)
    reader = only_run(options)
    assert caught.value.exit_code == 130
    assert caught.value.run_dir == reader.path
    assert caught.value.message.endswith(f"`shopbench run --resume {reader.path}`")
    assert reported == [reader.path]
    assert len(reader.trials) == 3
    assert reader.journal.interrupted
    assert reader.journal.finished_at is not None
    assert load_processes() == []


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_a_block_ends_the_run_in_order(
    options: RunOptions, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, "tiny", Size(1, 1, 0.1, 40.0, 40.0, 0.1, 60.0))
    original = LoadProcess.run_rounds

    def run_rounds(self: LoadProcess, targets: Any, rounds: Rounds) -> list[Result]:
        if rounds.measured_s == 40.0:  # the parent waits for the load process
            threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
        return original(self, targets, rounds)

    monkeypatch.setattr(LoadProcess, "run_rounds", run_rounds)
    began = time.monotonic()
    with pytest.raises(RunStopped, match="interrupted"):
        run(["latency"], options)
    assert time.monotonic() - began < 40.0
    assert only_run(options).journal.interrupted
    assert load_processes() == []


@pytest.mark.slow
@pytest.mark.usefixtures("echo")
def test_a_lost_load_process_stops_the_run_in_one_line_and_keeps_what_it_had(
    options: RunOptions, cut_off_after: Callable[..., None]
) -> None:
    cut_off_after(1, LoadError("the load process died: boom"))
    with pytest.raises(RunStopped, match="boom") as caught:
        run(["latency"], options)
    assert "\n" not in caught.value.message
    reader = only_run(options)
    assert len(reader.trials) == 3
    assert any(note.startswith("stopped:") and "boom" in note for note in reader.journal.notes)


def test_ctrl_c_while_the_report_is_written_names_the_command_that_writes_it() -> None:
    def broken_off(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(ShopbenchError) as caught:
        runner._reported(lambda: Path("my runs/1"), (), broken_off)
    assert caught.value.message == "interrupted; `shopbench report 'my runs/1'` writes its report"
    assert caught.value.exit_code == 130


def test_an_option_that_some_experiments_do_not_use_is_said() -> None:
    options = RunOptions(mixes=("order",), load_workers=2)
    mixes, workers = idle_options(chosen(["latency", "floor"], options), options)
    assert mixes.startswith("--mixes has no effect on floor; it is for latency, ")
    assert workers.startswith("--load-workers has no effect on latency; it is for capacity, ")
    assert idle_options(chosen(["latency"], options), RunOptions(mixes=("order",))) == []


@pytest.mark.parametrize("option", ["deployments", "mixes"])
def test_an_experiment_heeds_what_its_folder_reads(option: str) -> None:
    for each in registered():
        text = "".join(file.read_text(encoding="utf-8") for file in each.folder.glob("*.py"))
        used = f"options.{option}" in text
        assert used == any(
            other.uses(option) for other in registered() if other.folder == each.folder
        ), each.name


@pytest.mark.slow
@pytest.mark.usefixtures("echo")
def test_expectations_are_judged_after_the_report(options: RunOptions) -> None:
    reported: list[Path] = []
    strict = replace(options, fail_on=("p50>0ms", "errors>0%"))
    with pytest.raises(ExpectationBroken) as caught:
        run(["latency"], strict, report=reported.append)
    assert reported == [caught.value.run_dir]
    assert caught.value.exit_code == 1
    assert "errors" not in caught.value.message
    run(["latency"], replace(options, fail_on=("errors>0%", "cpu>1000ms")))


PARTITIONS = {"deployments": ("microservices", "modular-split"), "mixes": ()}
ITS_OWN: dict[str, object] = {"deployments": (), "mixes": ()}


@pytest.mark.parametrize(
    ("names", "changes", "says"),
    [
        ([], {}, "name an experiment"),
        (["speed"], {}, "unknown experiment 'speed'"),
        (["latency"], {"profile": "quik"}, "unknown profile 'quik'"),
        (["latency"], {"mixes": ("all",)}, "unknown mix 'all'"),
        (["latency"], {"mixes": ("product_list",)}, "latency measures single requests"),
        (["latency"], {"own": {"sweep": (0.5,)}}, "--sweep is for `run capacity`"),
        (["latency"], {"deployments": ("monolit",)}, "monolith"),
        (["latency"], {"deployments": ("modular", "Modular")}, "twice"),
        (["latency"], {"fail_on": ("p95=1",)}, "cannot read --fail-on"),
        (["latency"], {"fail_on": ("p95@monolit>1s",)}, "no deployment 'monolit' .* 'monolith'"),
        (["latency"], {"fail_on": ("p95@microservices>1s",)}, "are monolith, modular$"),
        (
            ["latency"],
            {"mixes": (), "fail_on": ("cpu@modular/ordr>1",)},
            "no operation 'ordr' .* 'order'",
        ),
        (["latency"], {"fail_on": ("throughput>1",)}, "no metric 'throughput' in this run"),
        (["topologies"], {**PARTITIONS, "fail_on": ("cpu/order>1",)}, "there are mixed$"),
        (["topologies"], {**PARTITIONS, "fail_on": ("p95/login>1",)}, "no operation 'login'"),
        (["floor"], {}, "--deployments has no effect on floor; it is for latency,"),
        (["floor"], {"deployments": (), "mixes": ("order",)}, "--mixes has no effect on floor"),
        (["failure", "floor"], {"mixes": ("order",)}, "no effect on failure, floor; it is for"),
        (["latency"], {"load_workers": 2}, "--load-workers has no effect on latency; it is for"),
        (["capacity"], {"fail_on": ("p95>1s",)}, "--fail-on has no effect on capacity; it is for"),
        (["selftest-gates"], {**ITS_OWN, "max_minutes": 1.0}, "--max-minutes has no"),
        (["latency"], {"own": {"kills": 3, "url": ("a=http://a", "b=http://b")}}, "--kills is for"),
        (["latency"], {"own": {"url": ("a=http://a",)}}, "no effect on latency --url; it is for"),
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
    monkeypatch.setattr("bench.engine.host_cpus.usable_cpus", lambda: [0, 1, 2])
    assert choose_cpus(()) == ((0, 1), (2,), [])
    assert choose_cpus((0,)) == ((0,), (2,), [])
    assert choose_cpus((), workers=2) == ((0,), (1, 2), [])
    assert choose_cpus((), workers=4) == ((0,), (1, 2), [])
    monkeypatch.setattr("bench.engine.host_cpus.usable_cpus", lambda: [0])
    cpus, load_cpus, remarks = choose_cpus(())
    assert (cpus, load_cpus) == ((0,), (0,))
    assert "shares" in remarks[0]
