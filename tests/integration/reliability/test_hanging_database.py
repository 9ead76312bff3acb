"""A database that hangs, neither dead nor answering, under an order that is already accepted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.experiments.consistency.client import item
from bench.faults.points import FaultSpec, arm, wait_fired
from tests.integration.reliability.lab import Lab


@pytest.mark.slow
def test_an_accepted_order_is_answered_202_while_its_database_hangs(lab: Lab) -> None:
    """The charge is slow; meanwhile the database that is to confirm the order stops."""
    point = "payments.charge.before_commit"
    with lab.distrusted_on_failure("microservices"), ThreadPoolExecutor(1) as threads:
        shop = lab.shop("microservices")
        product = shop.client(shop.staff).create_product(quantity=10)
        arm(shop.faults_dir, point, FaultSpec("delay", seconds=0.8))
        placing = threads.submit(shop.client(shop.buyers[0]).place, [item(product)])
        assert wait_fired(shop.faults_dir, point, within_s=5.0)
        shop.deployment.pause("db:orders")
        try:
            result = placing.result(timeout=10)
        finally:
            shop.deployment.resume("db:orders")
        assert [answer.status for answer in result.answers] == [202]
        shop.assert_sound()
        again = shop.client(shop.buyers[0]).place([item(product)], key=result.key)
        assert again.answers[-1] == result.answers[-1]
