"""A failure experiment as a file: the built-in ones are whole, and every mistake is one line."""

from pathlib import Path

import msgspec
import pytest

from bench.engine.options import PROFILES, RunOptions
from bench.errors import ShopbenchError
from bench.experiments.failure.measure import SPECS, check
from bench.experiments.failure.plan import ARMS, arms_of, cells_of, described, schedule_of
from bench.experiments.failure.spec import BUILTIN, load_spec, parse_spec
from bench.registry import chosen

GOOD = """
title = "One fault"
rollback = "clear"
[[steady_state]]
probe = "served"
at_least = 1
[load]
after_s = 4.0
[[method]]
kind = "crash"
component = "orders"
seconds = 2.0
"""

# what is changed in GOOD, and what the line must say
BAD = {
    "a typo in a key": ('component = "orders"', 'compnent = "orders"', "`method[0]`", "compnent"),
    "a missing rollback": ('rollback = "clear"', "", "rollback"),
    "another rollback": ('"clear"', '"undo"', "`rollback`", "undo"),
    "an unknown component": ('"orders"', '"order"', "`method[0].component`", "'orders'"),
    "no component": ('component = "orders"', "", "`method[0].component`", "crash needs"),
    "an unknown fault": ('"crash"', '"crsh"', "`method[0].kind`", "'crash'"),
    "no kind": ('kind = "crash"', "", "`method[0]`", "kind"),
    "a length of nothing": ("seconds = 2.0", "seconds = 0", "`method[0].seconds`"),
    "a length in words": ("seconds = 2.0", 'seconds = "two"', "`method[0].seconds`"),
    "an unknown parameter": (
        "seconds = 2.0", "seconds = 2.0\nparameters = { dely_s = 1.0 }", "`method[0]`", "dely_s",
    ),
    "no steady state": ('[[steady_state]]\nprobe = "served"\nat_least = 1', "", "steady_state"),
    "a probe without tolerance": ("at_least = 1", "", "`steady_state[0]`"),
    "an unknown probe": ('"served"', '"serves"', "`steady_state[0].probe`"),
    "no method": ('[[method]]\nkind = "crash"\ncomponent = "orders"\nseconds = 2.0', "", "method"),
    "an unknown mix": ("after_s = 4.0", 'mix = "journey"', "`load.mix`", "'journeys'"),
    "a load above capacity": ("after_s = 4.0", "share = 2.0", "`load.share`"),
    "no TOML": ('title = "One fault"', "title = One fault", "spec bad.toml"),
    "a title of a number": ('"One fault"', "3", "`title`"),
    "no repetition": ('rollback = "clear"', 'rollback = "clear"\nrepetitions = 0', "`repetitions`"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_gives_one_line_that_names_the_field(case: str) -> None:
    old, new, *said = BAD[case]
    assert old in GOOD
    with pytest.raises(ShopbenchError) as caught:
        parse_spec(GOOD.replace(old, new, 1).encode(), "bad.toml")
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message
    for part in ("bad.toml", *said):
        assert part in caught.value.message


def test_the_good_spec_of_these_cases_is_read() -> None:
    assert parse_spec(GOOD.encode(), "good.toml").method[0].label == "crash orders"


def test_every_built_in_spec_is_read_and_every_profile_has_one() -> None:
    assert set(SPECS) == set(PROFILES)
    for path in BUILTIN.glob("*.toml"):
        assert load_spec(path.stem).method
    quick = load_spec("quick")
    assert len(quick.method) >= 10
    assert quick.repetitions == 1
    assert load_spec("standard").repetitions >= 6
    assert len(load_spec("bench").method) == 4


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ShopbenchError, match=r"my.toml: No such file.*smoke"):
        check(RunOptions(own={"spec": str(tmp_path / "my.toml")}))
    with pytest.raises(ShopbenchError, match="--spec is for `run failure`"):
        chosen(["latency"], RunOptions(own={"spec": "smoke"}))


def test_each_arm_has_a_control_for_at_most_five_faults() -> None:
    spec = load_spec("quick")
    cells = cells_of(spec, arms_of(spec, ARMS))
    for arm in arms_of(spec, ARMS):
        own = [cell for cell in cells if cell.arm == arm]
        faults = [cell for cell in own if cell.step is not None]
        for group in {cell.group for cell in own}:
            assert sum(cell.group == group and cell.step is None for cell in own) == 1
            assert 1 <= sum(cell.group == group for cell in faults) <= 5
        wanted = len(spec.method) if arm.resilience == "on" else 1
        assert len(faults) == wanted
    names = {(cell.experiment, cell.arm.label) for cell in cells}
    assert len(names) == len(cells)
    assert set(described(spec, cells)) == {cell.experiment for cell in cells}


def test_control_and_fault_have_the_same_visits_and_an_overload_has_them_too() -> None:
    spec = msgspec.structs.replace(load_spec("quick"), controls_every=100)
    (arm, *_) = arms_of(spec, ("monolith",))
    cells = cells_of(spec, (arm,))
    control, *faults = [schedule_of(spec, cell, 20.0, 7, 100.0) for cell in cells]
    *same, overload = faults
    assert {each.sha256 for each in same} == {control.sha256}
    assert set(map(id, control.visits)) != set(map(id, overload.visits))
    assert [v for v in overload.visits if v in set(control.visits)] == control.visits
    # twice the capacity of 100/s for 10 s, where the control has 20/s
    added = overload.planned - control.planned
    assert 1_500 < added < 2_100
    step = cells[-1].step
    assert step is not None
    start = spec.load.warmup_s + step.at_s
    extra = set(overload.visits) - set(control.visits)
    assert all(start <= visit.due_s < start + step.seconds for visit in extra)
