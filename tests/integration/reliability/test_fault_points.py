"""Every single-fault case of checkout and cancellation ends with every invariant valid.

The fast suite runs some of each kind and `make test-slow` all that can break data; a reply that is
only late, and `modular`, which runs the code of the services, are left to `make test-soak`. Cases
of different deployments run at the same time (`SideBySide`), each test waits for its own.
"""

from collections.abc import Iterator

import pytest

from bench.faults.points import ACTIONS, SINGLE_FAULTS, SingleFault
from tests.integration.reliability.lab import DEPLOYMENTS, Lab
from tests.integration.reliability.side_by_side import SideBySide, selected_cases
from tests.integration.reliability.single_faults import run_case

# One case for each action, and of each journey but the deposit, where a naive shop breaks.
FAST = {
    "checkout-payments.charge.after_commit_before_reply-die",
    "checkout-orders.confirm.before_commit-error",
    "checkout-inventory.reserve.after_commit_before_reply-drop_reply",
    "refused-inventory.release.before_send-error",
    "cancellation-payments.refund.after_commit_before_reply-drop_reply",
    "cancellation-inventory.release.before_commit-delay",
    "checkout-payments.charge.before_commit-hang",
}


def _param(deployment: str, case: SingleFault) -> object:
    marks = _level(deployment, case)
    return pytest.param(deployment, case, id=f"{deployment}-{case.name}", marks=marks)


def _level(deployment: str, case: SingleFault) -> tuple[pytest.MarkDecorator, ...]:
    if case.name in FAST:
        return (pytest.mark.slow,) if deployment == "modular" else ()
    rare = deployment == "modular" or case.action == "delay"
    return (pytest.mark.soak,) if rare else (pytest.mark.slow,)


PARAMS = [_param(deployment, case) for deployment in DEPLOYMENTS for case in SINGLE_FAULTS]


@pytest.fixture(scope="module")
def matrix(lab: Lab, request: pytest.FixtureRequest) -> Iterator[SideBySide[SingleFault]]:
    running = SideBySide(lab, selected_cases(request, "case"), run_case)
    yield running
    running.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("deployment", "case"), PARAMS)
def test_a_single_fault_ends_with_every_invariant_valid(
    matrix: SideBySide[SingleFault], deployment: str, case: SingleFault
) -> None:
    matrix.result(deployment, case)


def test_the_fast_cases_exist_and_take_each_action() -> None:
    cases = {case.name: case for case in SINGLE_FAULTS}
    assert cases.keys() >= FAST
    assert {cases[name].action for name in FAST} == set(ACTIONS)
