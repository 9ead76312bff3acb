"""Every contract case against every deployment."""

import pytest

from bench.contract.conformance import Case, World, run_case, select_cases


@pytest.mark.parametrize("item", select_cases(), ids=lambda item: item.id)
def test_the_deployment_keeps_the_contract(world: World, item: Case) -> None:
    result = run_case(item, world)
    assert result.outcome == "passed", result.detail
