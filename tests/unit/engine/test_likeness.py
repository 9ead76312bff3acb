"""`run --like RUN`: which options and loads are taken over, and what is said of it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.cli import run_command
from bench.engine.likeness import take_over, wanted_like
from bench.engine.options import RunOptions
from bench.engine.resume import stored_options, wanted
from bench.engine.runner import measure
from bench.errors import ShopbenchError
from bench.experiments.capacity.curve import CURVE_LOADS, draw_curve
from bench.experiments.failure.measure import wanted_spec
from bench.experiments.network.measure import SETTINGS, _rates
from bench.experiments.topologies.measure import _rate
from bench.registry import loads_in, registered
from bench.results.journal import RunReader, RunWriter
from tests.unit.results.listed import facts

LOADS: dict[str, Any] = {
    "latency": {"gaps_s": {"order": 0.16}, "client_ms": 0.4},
    "failure": {"capacity_rps": {"monolith": 190.0}, "arms": ["monolith"]},
    "capacity_curve_rps": {"mixed": {"39": ["monolith"], "98": ["monolith", "microservices"]}},
}
ASKED = RunOptions(
    profile="smoke", seed=7, mixes=("order",), deployments=("monolith", "microservices"),
    fail_on=("p95>1s",), own={"kills": 4}, max_minutes=3.0, quiet=True, command="then",
)  # fmt: skip
TAKEN = ["capacity_curve_rps", "failure.capacity_rps", "latency.gaps_s"]


def written(root: Path, name: str, **settings: Any) -> RunWriter:
    kept = {"options": stored_options(["latency", "failure", "capacity", "network"], ASKED)}
    return RunWriter.create(root, name, facts(settings={**kept, **settings}))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    writer = written(tmp_path, "other", **LOADS)
    writer.finish()
    return writer.path


def test_options_are_the_runs_and_what_is_judged_and_where_is_not(other: Path) -> None:
    asked = wanted_like(other)
    assert asked.experiments == ["latency", "failure", "capacity", "network"]
    fresh = RunOptions()
    assert asked.options == replace(
        ASKED, like=other, fail_on=(), command=fresh.command, results_root=fresh.results_root
    )


def test_loads_are_in_the_journal_before_anything_is_measured(other: Path, tmp_path: Path) -> None:
    writer = written(tmp_path, "new")
    take_over(writer, other)
    journal = RunReader(writer.path).journal
    assert journal.settings["like"] == {"run": "other", "loads": journal.settings["like"]["loads"]}
    assert sorted(journal.settings["like"]["loads"]) == TAKEN
    assert journal.settings["latency"] == {"gaps_s": {"order": 0.16}}  # not the client's own time
    assert journal.settings["failure"] == {"capacity_rps": {"monolith": 190.0}}
    said, anew, differs = journal.notes
    assert said.startswith("like other: the same experiments, profile, seed, mixes and deployments")
    assert anew == (
        "loads that other does not state are found anew: network.rates_rps, network.probed_rps"
    )
    assert differs.startswith("not all is like other: it was begun on another machine")


@pytest.mark.parametrize(
    "loads", [{"order": -1.0}, {"order": None}, {}, {"order": True}, {"order": {"x": None}}]
)
def test_what_is_no_load_is_refused_before_anything_starts(
    loads: dict[str, Any], tmp_path: Path
) -> None:
    writer = written(tmp_path, "odd", latency={"gaps_s": loads})
    with pytest.raises(ShopbenchError, match=r"its latency.gaps_s holds no loads") as caught:
        wanted_like(writer.path)
    assert caught.value.exit_code == 2


def test_a_run_takes_them_over(
    other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(names: list[str], options: RunOptions, writer: RunWriter) -> Path:
        writer.close()
        return writer.path

    monkeypatch.setattr("bench.engine.runner._carry_out", measured)
    options = RunOptions(profile="smoke", results_root=tmp_path / "runs", like=other)
    journal = RunReader(measure(["latency"], options)).journal
    assert loads_in(journal.settings)["latency.gaps_s"] == {"order": 0.16}
    assert wanted(journal.settings, tmp_path / "x").options.like == other  # to be resumed


def test_other_options_are_refused(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", "latency", "--like", str(other)]) == 2
    assert "--like takes its experiments from the run; leave it out" in capsys.readouterr().err
    assert run_command(["run", "--like", str(other), "--profile", "full"]) == 2
    assert "--like takes its profile from the run; leave it out" in capsys.readouterr().err


def test_the_command_runs_what_the_other_was_asked_for(
    other: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("bench.engine.runner.run", lambda *given: asked.extend(given))
    given = ["--out", str(tmp_path / "x"), "--fail-on", "errors>1%", "--max-minutes", "9"]
    assert run_command(["run", "--like", str(other), *given]) == 0
    names, options, _ = asked
    assert names == ["latency", "failure", "capacity", "network"]
    assert (options.seed, options.like, options.max_minutes) == (7, other, 9.0)
    assert (options.fail_on, options.results_root) == (("errors>1%",), tmp_path / "x")


# What is taken over is not looked for again.


def context(**settings: Any) -> Any:
    """The tools of a run as far as its settings; whatever would start something is missing."""
    quiet = SimpleNamespace(drop=lambda _: None, say=lambda _: None, done=lambda _: None)
    writer = SimpleNamespace(journal=SimpleNamespace(trials=(), settings=settings))
    return SimpleNamespace(setting=settings.get, progress=quiet, writer=writer)


def test_no_experiment_probes_for_a_load_it_has() -> None:
    size: Any = None
    rates = {"order": 12.0}
    fleet: Any = SimpleNamespace(hops=SETTINGS[0])
    ctx = context(network={"rates_rps": rates}, topologies={"offered_rps": 30.0})
    assert _rates(ctx, fleet, ("monolith",), ("order",), size) == rates
    nobody: Any = None
    assert _rate(ctx, nobody, ()) == 30.0


def test_the_spec_of_a_failure_run_is_not_missed_where_its_capacities_are_set() -> None:
    profile: Any = SimpleNamespace(name="smoke")
    held = {"failure": {"capacity_rps": {"monolith": 190.0}}}
    assert wanted_spec(RunOptions(), profile, held) == wanted_spec(RunOptions(), profile, {})


def test_the_loads_of_a_curve_are_those_that_are_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    can = {"monolith": (100.0,), "microservices": (300.0,)}
    module = "bench.experiments.capacity.curve"
    monkeypatch.setattr(f"{module}.known_capacity_rps", lambda journal, mix, name: can[name])
    monkeypatch.setattr(f"{module}._series", lambda ctx, course, load: load)
    monkeypatch.setattr(f"{module}.run_series", lambda ctx, loads: drawn.extend(loads))
    monkeypatch.setattr(f"{module}.replace", lambda each, **changes: each)
    ctx = context(**{CURVE_LOADS: LOADS[CURVE_LOADS]})
    ctx.profile, ctx.rerun_budget_s = None, 0.0
    ctx.options = RunOptions()
    ctx.fleet = SimpleNamespace(as_new=lambda name, seed: None)
    size = SimpleNamespace(blocks=1, own_shares=False)
    course: Any = SimpleNamespace(arms=tuple(can), size=size, shares=(0.5,), first_state_s=0.0)
    draw_curve(ctx, course, "mixed")
    assert [(load.offered_rps, load.names) for load in drawn] == [
        (39.0, ("monolith",)), (98.0, ("monolith", "microservices")),
    ]  # fmt: skip
    assert [sorted(load.too_much) for load in drawn] == [[], ["monolith"]]


def test_loads_are_named_as_settings_of_their_experiment() -> None:
    names = [name for each in registered() for name in each.loads]
    assert len(names) == len(set(names)) > 5
    for each in registered():
        assert all(name.startswith(each.name) for name in each.loads)
