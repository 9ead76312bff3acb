"""Arming and disarming of fault points, and the list of single-fault cases."""

import json
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.faults.points import (
    ALL_POINTS,
    POINTS,
    SINGLE_FAULTS,
    FaultSpec,
    arm,
    disarm,
    disarm_all,
    has_fired,
    wait_fired,
)

POINT = "payments.charge.before_commit"


def test_an_armed_point_is_one_whole_file(tmp_path: Path) -> None:
    arm(tmp_path, POINT, FaultSpec("delay", seconds=0.5))
    assert [path.name for path in tmp_path.iterdir()] == [f"{POINT}.json"]
    armed = json.loads((tmp_path / f"{POINT}.json").read_text())
    assert FaultSpec(**armed) == FaultSpec("delay", seconds=0.5)
    assert armed["once"] is True


def test_a_point_has_fired_once_its_file_was_renamed(tmp_path: Path) -> None:
    arm(tmp_path, POINT, FaultSpec("die"))
    assert not wait_fired(tmp_path, POINT, within_s=0.01)
    (tmp_path / f"{POINT}.json").rename(tmp_path / f"{POINT}.json.fired")
    assert wait_fired(tmp_path, POINT, within_s=0.01)
    arm(tmp_path, POINT, FaultSpec("die"))
    assert not has_fired(tmp_path, POINT)


def test_disarming_leaves_nothing(tmp_path: Path) -> None:
    for point in ALL_POINTS:
        arm(tmp_path, point, FaultSpec("error"))
    (tmp_path / f"{POINT}.json").rename(tmp_path / f"{POINT}.json.fired")
    disarm(tmp_path, POINT)
    assert not has_fired(tmp_path, POINT)
    disarm_all(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_point_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShopbenchError, match="unknown fault point"):
        arm(tmp_path, "payments.charge.before_lunch", FaultSpec("die"))


def test_the_cases_cover_every_point_with_every_action() -> None:
    covered = {(case.point, case.action) for case in SINGLE_FAULTS}
    assert len(covered) == len(POINTS) * 5
    assert len({case.name for case in SINGLE_FAULTS}) == len(SINGLE_FAULTS)
