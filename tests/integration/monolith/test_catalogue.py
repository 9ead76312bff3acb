"""Products: search, sorts, pages, and what staff may do."""

import uuid

import pytest

from tests.integration.monolith.shop import Person, available, person, product

pytestmark = pytest.mark.django_db(transaction=True)


def listed(query: str) -> list[dict[str, object]]:
    """All pages of a query."""
    items: list[dict[str, object]] = []
    cursor = ""
    while True:
        answer = Person().get(f"/products?{query}{cursor}")
        assert answer.status == 200
        items += answer.body["items"]
        if answer.body["next_cursor"] is None:
            return items
        cursor = f"&cursor={answer.body['next_cursor']}"


@pytest.mark.parametrize("sort", ["name", "price", "-price"])
def test_pages_are_complete_and_ties_go_by_id(sort: str) -> None:
    for name in ("b", "a", "B", "é", "a"):
        for price in (5, 3):
            product(price, name=name)
    items = listed(f"sort={sort}&limit=3")
    order = {
        "name": lambda item: (item["name"].encode(), item["id"]),
        "price": lambda item: (item["price_cents"], item["id"]),
        "-price": lambda item: (-item["price_cents"], item["id"]),
    }[sort]
    assert len(items) == 10
    assert items == sorted(items, key=order)


def test_a_cursor_of_another_sort_is_refused() -> None:
    for price in (1, 2):
        product(price)
    cursor = Person().get("/products?sort=price&limit=1").body["next_cursor"]
    assert Person().get(f"/products?sort=-price&cursor={cursor}").status == 422


def test_search_ignores_ascii_case_and_knows_no_wildcards() -> None:
    for name in ("100% Wool", "Wool_sock", "ÄTHER"):
        product(name=name)

    def names(query: str) -> list[object]:
        return [item["name"] for item in listed(query)]

    assert names("q=wOOL") == ["100% Wool", "Wool_sock"]
    assert names("q=%25") == ["100% Wool"]
    assert names("q=_") == ["Wool_sock"]
    assert names("q=%C3%A4ther") == []
    assert names("q=%C3%84THER") == ["ÄTHER"]


def test_a_category_is_exact_and_an_unknown_one_is_empty() -> None:
    product(category="tea")
    product(category="tools")
    assert [item["category"] for item in listed("category=tea")] == ["tea"]
    assert listed("category=te") == []


def test_only_a_patch_moves_the_version() -> None:
    staff, tea = person(staff=True), product()
    assert staff.keyed(f"/products/{tea}/restocks", {"quantity": 5}).body["available"] == 15
    assert person(1000).buy((tea, 1)).status == 201
    assert Person().get(f"/products/{tea}").body["version"] == 1
    assert staff.send("PATCH", f"/products/{tea}", {"name": "Black tea"}).body["version"] == 2
    assert staff.send("PATCH", f"/products/{tea}", {"name": "Black tea"}).body["version"] == 3


def test_a_sku_is_taken_once() -> None:
    staff = person(staff=True)
    body = {
        **{"sku": uuid.uuid4().hex, "name": "n", "description": "", "category": "c"},
        **{"price_cents": 1, "quantity": 0},
    }
    made = staff.keyed("/products", body)
    assert (made.status, available(made.body["id"])) == (201, 0)
    taken = staff.keyed("/products", body)
    assert (taken.status, taken.code) == (409, "sku_taken")
