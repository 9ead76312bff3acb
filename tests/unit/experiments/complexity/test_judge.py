"""Rules of the verdicts, and that what is planted raises the counts."""

from dataclasses import replace

import pytest

from bench.claims import registry
from bench.experiments.complexity.counts import arms_of
from bench.experiments.complexity.judge import verdicts_of
from bench.experiments.complexity.records import Counted
from bench.results.verdict import SMOKE_NOTE, Verdict
from tests.unit.experiments.complexity.made import counted, with_outcome


def verdict(found: Counted, metric: str, profile: str = "quick") -> Verdict:
    return next(each for each in verdicts_of(found, profile) if each.metric == metric)


def test_counts_decide_by_which_is_larger() -> None:
    size = verdict(counted(), "lines_per_deployable")
    assert (size.verdict, size.note) == ("supported", "800 against 900")
    assert size.estimate == pytest.approx(800 / 900)
    assert verdict(counted(), "failure_modes").verdict == "supported"


def test_equal_counts_decide_nothing() -> None:
    found = counted()
    same = [replace(each, lines={"one.py": 7}) for each in found.deployables]
    assert verdict(replace(found, deployables=tuple(same)), "lines_per_deployable").verdict == (
        "no difference shown"
    )


def test_what_was_not_counted_in_both_arms_is_open() -> None:
    found = replace(counted(), running=(), calls=counted().calls[:1])
    for metric in ("moving_parts", "failure_modes"):
        assert verdict(found, metric).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        (("yes",), "supported"),
        (("no", "no"), "refuted"),
        (("no", "yes"), "inconclusive"),
        (("not tried",), "inconclusive"),
    ],
)
def test_a_service_must_stand_in_every_try(outcomes: tuple[str, ...], word: str) -> None:
    found = verdict(with_outcome(counted(), "orders", *outcomes), "deployables_standing_alone")
    assert found.verdict == word
    if word == "refuted":
        assert "No module named 'x'" in found.note


def test_a_part_of_the_monolith_that_stands_alone_refutes_it() -> None:
    found = counted()
    alone = [
        replace(each, stands="yes") if each.unit == "payments" and each.kind == "part" else each
        for each in found.alone
    ]
    assert verdict(replace(found, alone=tuple(alone)), "deployables_standing_alone").verdict == (
        "refuted"
    )


@pytest.mark.parametrize(
    ("opened", "word"), [("no", "supported"), ("yes", "refuted"), ("not tried", "inconclusive")]
)
def test_a_role_must_be_refused_everywhere(opened: str, word: str) -> None:
    found = counted()
    first, *others = found.databases
    tried = replace(found, databases=(replace(first, opened=opened), *others))
    assert verdict(tried, "foreign_databases_opened").verdict == word


def test_a_second_dependency_raises_the_counts() -> None:
    sound = arms_of(counted())[1]
    found = counted()
    whole, orders = found.calls
    planted_call = replace(orders, calls={**orders.calls, "payments": 1.0})
    kept = found.machinery[1]
    planted_start = replace(kept, dependencies=(*kept.dependencies, "orders -> payments"))
    planted = arms_of(
        replace(found, calls=(whole, planted_call), machinery=(found.machinery[0], planted_start))
    )[1]
    assert sound.deployment_parts is not None
    assert planted.deployment_parts == sound.deployment_parts + 1
    assert planted.failure_modes == sound.failure_modes + 1
    assert planted.order_lines == sound.order_lines + 200
    assert planted.order_way == ["gateway", "orders", "payments"]


def test_a_fault_point_raises_the_failure_modes() -> None:
    found = counted()
    points = (*found.deployables[-1].fault_points, "payments.charge.before_commit")
    planted = replace(found.deployables[-1], fault_points=points)
    sound, more = (
        arms_of(each)[1].failure_modes
        for each in (found, replace(found, deployables=(*found.deployables[:-1], planted)))
    )
    assert more == sound + 1


def test_smoke_claims_nothing() -> None:
    found = verdicts_of(counted(), "smoke")
    assert {(each.verdict, each.note) for each in found} == {("inconclusive", SMOKE_NOTE)}


def test_every_claim_of_the_experiment_is_answered_once() -> None:
    verdicts = verdicts_of(counted(), "quick")
    claims = [each for each in registry().claims if each.experiment == "complexity"]
    for claim in claims:
        assert sum(claim.answered_by(each.id) for each in verdicts) == 1, claim.id
