"""The code's own copy of the problems agrees with the contract's."""

import importlib
from pathlib import Path

import pytest
import yaml

from microservices.chassis.errors import ApiError, invalid, problem, problem_headers
from microservices.chassis.peers import PeerRefused

ROOT = Path(__file__).parents[3]
CONTRACT = yaml.safe_load((ROOT / "bench/contract/problems.yaml").read_text("utf-8"))
for component in ("users", "inventory", "payments", "orders"):
    importlib.import_module(f"microservices.{component}.errors")


def _leaves(kind: type[ApiError]) -> list[type[ApiError]]:
    return [kind] + [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]


LEAVES = [
    kind
    for kind in _leaves(ApiError)
    if kind is not PeerRefused and kind.__module__.startswith("microservices.")
]


# Answered between components only: the same step asked for again with other content.
INTERNAL = {"payment_mismatch", "reservation_mismatch"}
PUBLIC = [kind for kind in LEAVES if kind.code not in INTERNAL]


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_an_error_answers_as_the_contract_says(kind: type[ApiError]) -> None:
    expected = CONTRACT[kind.code]
    error = ApiError.__new__(kind)
    ApiError.__init__(error)
    members = problem(error)
    assert {name: members[name] for name in ("status", "title", "type")} == expected
    assert members["code"] == kind.code
    assert members["detail"]


def test_each_code_of_the_contract_has_an_error() -> None:
    assert {kind.code for kind in LEAVES} == set(CONTRACT) | INTERNAL


def test_field_errors_stand_in_the_problem() -> None:
    assert problem(invalid("limit", "is repeated"))["errors"] == [
        {"field": "limit", "message": "is repeated"}
    ]


@pytest.mark.parametrize("code", ["overloaded", "dependency_unavailable"])
def test_a_503_says_when_to_come_back(code: str) -> None:
    kind = next(kind for kind in LEAVES if kind.code == code)
    assert int(problem_headers(kind())["Retry-After"]) >= 1
