"""The database of orders fails exactly while it ends an order: what the client is told stays true.

Whatever is answered, the same key gets the same answer again once the database is back; where that
cannot be promised, nothing is answered (503).
"""

from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp.pytest_plugin import AiohttpClient

from microservices.chassis.app import create_app
from microservices.chassis.specs import ProcessSpec
from microservices.gateway.app import EDGE
from microservices.host import COMPONENTS
from tests.integration.services.relay import Relay
from tests.integration.services.shop import Shop, SigningKey, settings

CONFIRM, REJECT = b"SET status = 'confirmed'", b"SET status = 'rejected'"


@pytest.fixture
async def relay(dsns: Mapping[str, str]) -> AsyncIterator[Relay]:
    async with Relay.opened(dsns["orders"]) as relay:
        yield relay


@pytest.fixture
async def shop(
    dsns: Mapping[str, str], relay: Relay, signing_key: SigningKey, aiohttp_client: AiohttpClient
) -> Shop:
    through = {**dsns, "orders": relay.dsn}
    environ = {f"{name.upper()}_DATABASE_URL": dsn for name, dsn in through.items()}
    environ["SIGNING_KEY_FILE"] = str(signing_key.path)
    app = create_app(ProcessSpec(tuple(COMPONENTS.values()), EDGE), settings(), environ)
    return Shop(await aiohttp_client(app), dsns, signing_key)


@pytest.mark.parametrize(("at", "wallet", "ends"), [(CONFIRM, 1000, 201), (REJECT, 10, 402)])
async def test_a_database_that_dies_after_the_commit_leaves_the_request_without_an_answer(
    shop: Shop, relay: Relay, at: bytes, wallet: int, ends: int
) -> None:
    tea, user = await shop.product(quantity=5), await shop.buyer(wallet)
    relay.fail("lose the reply", at)
    answer = await shop.order(user, (tea, 1), key="k")
    assert (answer.status, answer.json["code"]) == (503, "dependency_unavailable")
    relay.mend()
    assert (await shop.until_answered(user, (tea, 1), key="k")).status == ends


@pytest.mark.parametrize(("at", "wallet"), [(CONFIRM, 1000), (REJECT, 10)])
async def test_a_database_that_hangs_before_the_statement_records_the_202_that_was_given(
    shop: Shop, relay: Relay, at: bytes, wallet: int
) -> None:
    tea, user = await shop.product(quantity=5), await shop.buyer(wallet)
    relay.fail("hold", at)
    answer = await shop.order(user, (tea, 1), key="k")
    assert answer.status == 202
    relay.mend()
    await shop.quiet()
    again = await shop.until_answered(user, (tea, 1), key="k")
    assert (again.status, again.json) == (202, answer.json)


async def test_an_unknown_product_that_was_accepted_meanwhile_leaves_a_rejected_order(
    shop: Shop, relay: Relay
) -> None:
    user, nothing = await shop.buyer(), "00000000-0000-4000-8000-000000000000"
    relay.fail("hold", b"DELETE FROM orders")
    answer = await shop.order(user, (nothing, 1), key="k")
    assert answer.status == 202
    relay.mend()
    await shop.quiet()
    shown = await shop.get(f"/api/v1/orders/{answer.json['id']}", user)
    assert (shown.json["status"], shown.json["reason"]) == ("rejected", "unknown_product")
