"""The joined read."""

import pytest

from tests.integration.monolith.shop import Person, person, product

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_newcomer_sees_an_empty_account() -> None:
    newcomer = person()
    overview = newcomer.get("/account/overview").body
    assert overview["user"] == newcomer.get("/users/me").body
    assert overview["wallet"] == {"balance_cents": 0}
    assert overview["recent_orders"] == overview["recommended"] == overview["degraded"] == []


def test_parts_are_what_their_own_operations_answer() -> None:
    buyer, tea = person(10_000), product(1, 100)
    for _ in range(6):
        buyer.buy((tea, 1))
    buyer.buy((tea, 1000))
    overview = buyer.get("/account/overview").body
    assert overview["recent_orders"] == buyer.get("/orders?limit=5").body["items"]
    assert overview["wallet"] == buyer.get("/wallet").body
    assert overview["recommended"] == [Person().get(f"/products/{tea}").body]


def test_advice_is_the_first_five_available_of_the_category_of_the_newest_confirmed() -> None:
    buyer = person(10_000)
    tea, tool = product(1, category="tea", name="z"), product(1, category="tools")
    many = [product(1, name=f"n{index}") for index in range(6)]
    product(1, 0, name="a")
    buyer.buy((tool, 1))
    buyer.buy((tea, 1), (tool, 1))
    buyer.buy((tool, 999))
    advice = buyer.get("/account/overview").body["recommended"]
    assert [item["id"] for item in advice] == many[:5]
