"""The error tree against the contract's list of problems."""

from pathlib import Path

import yaml

import bench.contract
from monolith.common import errors

PROBLEMS = yaml.safe_load(
    (Path(bench.contract.__file__).parent / "problems.yaml").read_text(encoding="utf-8")
)


LEAVES = [each for each in vars(errors).values() if isinstance(each, type) and "code" in vars(each)]


def test_every_code_of_the_contract_is_a_leaf_and_says_the_same() -> None:
    found = {leaf.code: leaf().body() for leaf in LEAVES}
    assert found.keys() == PROBLEMS.keys()
    for code, body in found.items():
        assert {name: body[name] for name in ("status", "title", "type")} == PROBLEMS[code]


def test_errors_stand_in_a_422_and_only_there() -> None:
    for leaf in LEAVES:
        body = leaf().body()
        assert ("errors" in body) == (body["status"] == 422)
        if body["status"] == 422:
            assert body["errors"][0]["message"]


def test_both_503_say_when_to_come_back() -> None:
    assert errors.Overloaded().headers["Retry-After"].isdigit()
    assert errors.DependencyUnavailable().headers["Retry-After"].isdigit()
