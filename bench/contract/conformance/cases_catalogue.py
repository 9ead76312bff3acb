"""The product list: search, category, sort, limits, cursors."""

import base64
import json
import uuid
from typing import Any

from bench.contract.conformance.expect import equal, expect, expect_problem, require
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import World

NAMES = ("apple", "Banana", "cherry", "Ähre", "apple pie", "APPLE", "zebra", "Zebra", "a_b", "100%")


def _list(world: World, **query: object) -> dict[str, Any]:
    page: dict[str, Any] = expect(world.call("GET", "/products", query=query), 200).json()
    return page


def _all_pages(world: World, **query: object) -> list[dict[str, Any]]:
    page = _list(world, **query)
    items = list(page["items"])
    while page["next_cursor"] is not None:
        require(page["items"], "a page with a next_cursor is empty")
        page = _list(world, **query, cursor=page["next_cursor"])
        items += page["items"]
    return items


def _shelf(world: World, *rows: tuple[str, int]) -> tuple[str, list[dict[str, Any]]]:
    """Products of a category of their own."""
    category = f"shelf-{uuid.uuid4().hex}"
    products = [
        world.new_product(category=category, name=name, price_cents=price_cents)
        for name, price_cents in rows
    ]
    return category, products


@case("the default sort is the name in byte order, ties by id", "search", "inventory")
def sort_by_name(world: World) -> None:
    category, products = _shelf(world, *[(name, 5) for name in (*NAMES, "apple", "apple")])
    wanted = sorted(products, key=lambda item: (item["name"].encode(), item["id"]))
    for query in ({}, {"sort": "name"}):
        equal(_list(world, category=category, **query)["items"], wanted, f"{query}")


@case("sort by price, both ways, ties by id", "search", "inventory")
def sort_by_price(world: World) -> None:
    category, products = _shelf(world, ("a", 9), ("b", 10), ("c", 9), ("d", 100), ("e", 9))
    rising = sorted(products, key=lambda item: (item["price_cents"], item["id"]))
    equal(_list(world, category=category, sort="price")["items"], rising, "sort=price")
    falling = sorted(products, key=lambda item: (-item["price_cents"], item["id"]))
    equal(_list(world, category=category, sort="-price")["items"], falling, "sort=-price")


@case("q is a substring of the name, ASCII case ignored, % and _ literal", "search", "inventory")
def search(world: World) -> None:
    category, _ = _shelf(world, *[(name, 5) for name in (*NAMES, "back\\slash", "a b", "ähre")])
    wanted = {
        "APP": {"apple", "apple pie", "APPLE"},
        "ple p": {"apple pie"},
        "%": {"100%"},
        "_": {"a_b"},
        "0%": {"100%"},
        "a_": {"a_b"},
        "\\": {"back\\slash"},
        "Ähre": {"Ähre"},
        "ähre": {"ähre"},
        "HRE": {"Ähre", "ähre"},
        "a b": {"a b"},
        "e ": {"apple pie"},
        "'": set(),
        "apple'--": set(),
        "applepie": set(),
    }
    for q, names in wanted.items():
        found = {item["name"] for item in _list(world, category=category, q=q)["items"]}
        equal(found, names, f"q={q!r}")


@case("the category must match exactly; an unknown one is an empty page", "search", "inventory")
def category_filter(world: World) -> None:
    category, products = _shelf(world, ("a", 5))
    equal(len(_list(world, category=category)["items"]), len(products), "items")
    for other in (category.upper(), category[:-1], category + "%", "nowhere"):
        empty: dict[str, Any] = {"items": [], "next_cursor": None}
        equal(_list(world, category=other), empty, f"category={other!r}")


@case("a new, changed or sold product shows at once in list and detail", "search", "inventory")
def read_your_writes(world: World) -> None:
    category, (product,) = _shelf(world, ("before", 5))
    payload = {"name": "after", "price_cents": 7}
    path = f"/products/{product['id']}"
    expect(world.call("PATCH", path, token=world.staff().token, payload=payload), 200)
    (found,) = _list(world, category=category)["items"]
    equal(found, {**product, **payload, "version": 2}, "the product in the list")
    equal(_list(world, category=category, q="before")["items"], [], "the old name")


@case("query values outside the contract are 422", "pagination", "inventory")
def bad_query_values(world: World) -> None:
    bad = {
        "limit": ("0", "101", "-1", "", "x", "1.0", "1e1", "%2B5", "%205", "5%20", "1_0", "0x5"),
        "sort": ("", "Name", "id", "-name", "price,name", "%20price", "-PRICE"),
        "q": ("", "%20", "%C2%A0", "%00", "a%00b", "x" * 101, "%F0%9F%99%82" * 101),
        "category": ("", "%20", "%00", "x" * 65),
        "cursor": ("", "%20", "x", "%00", "e30", "W10", "bnVsbA"),
    }
    bad["limit"] += ("01", "%D9%A5", "9" * 30, "true", "null")
    wrong = []
    for name, values in bad.items():
        for value in values:
            answer = world.call("GET", "/products", query=f"{name}={value}")
            body = answer.json()
            named = [entry["field"] for entry in body.get("errors", ())]
            if body.get("code") != "validation_failed" or name not in named:
                wrong.append(f"{name}={value[:40]}: {str(answer)[:200]}")
    require(not wrong, "should be 422 that names it: " + "; ".join(wrong))


@case("query values at the limits pass", "pagination", "inventory")
def good_query_values(world: World) -> None:
    good = ("limit=1", "limit=100", "q=" + "x" * 100, "q=" + "%F0%9F%99%82" * 100, "sort=-price")
    for query in (*good, "category=" + "%C3%A9" * 64, "q=a+b", "", "q=%25", "%71=x", "&&q=x&"):
        expect(world.call("GET", "/products", query=query), 200)
    equal(len(_list(world)["items"]), 20, "the default limit")
    equal(len(_list(world, limit=100)["items"]), 100, "items of limit=100")


@case("a query that is not UTF-8 is 422", "pagination", "inventory")
def not_utf_8(world: World) -> None:
    for value in ("q=%FF", "q=%C3", "q=%C0%AF", "category=%ED%A0%80", "cursor=%FF", "%FF=x"):
        expect_problem(world.call("GET", "/products", query=value), "validation_failed")


@case("a parameter without a value, or encoded twice, is 422", "pagination", "inventory")
def odd_queries(world: World) -> None:
    for query in ("q", "limit", "q=x&q=", "q=a&q=b", "%71=x&q=x", "Q=x", "q[]=x", "q=x&page=1"):
        expect_problem(world.call("GET", "/products", query=query), "validation_failed")


@case("pages join to the whole list in every sort", "pagination", "inventory")
def pages_join(world: World) -> None:
    rows = [(f"name {number % 3}", 5 + number % 2) for number in range(7)]
    category, products = _shelf(world, *rows)
    for sort in ("name", "price", "-price"):
        whole = _list(world, category=category, sort=sort, limit=100)
        equal(whole["next_cursor"], None, "next_cursor of the last page")
        equal(len(whole["items"]), len(products), "items")
        for limit in (1, 2, 3, 7):
            joined = _all_pages(world, category=category, sort=sort, limit=limit)
            equal(joined, whole["items"], f"sort={sort} limit={limit}")
    exact = _list(world, category=category, limit=len(products))
    equal(exact["next_cursor"], None, "next_cursor of an exactly full last page")


@case("the longest names, categories and searches page too", "pagination", "inventory")
def longest_query(world: World) -> None:
    category = world.new_key().ljust(64, "🙂")
    names = sorted(f"{letter}{'🙂' * 199}" for letter in "abc")
    for name in names:
        world.new_product(category=category, name=name)
    found = _all_pages(world, category=category, q="🙂" * 100, limit=1)
    equal([item["name"] for item in found], names, "the names")


@case("a cursor is stable while products come and change", "pagination", "inventory")
def cursor_stability(world: World) -> None:
    category, _ = _shelf(world, ("b", 5), ("d", 5), ("f", 5), ("h", 5))
    page = _list(world, category=category, limit=2)
    world.new_product(category=category, name="a")
    world.new_product(category=category, name="e")
    path, token = f"/products/{page['items'][1]['id']}", world.staff().token
    expect(world.call("PATCH", path, token=token, payload={"name": "z"}), 200)
    rest = _list(world, category=category, limit=10, cursor=page["next_cursor"])
    equal([item["name"] for item in rest["items"]], ["e", "f", "h", "z"], "the names after d")


@case("a cursor of another sort is 422", "pagination", "inventory")
def cursor_of_another_sort(world: World) -> None:
    for made, used in (("name", "price"), ("price", "-price"), ("-price", "name"), ("price", None)):
        cursor = _list(world, limit=1, sort=made)["next_cursor"]
        query = {"cursor": cursor} if used is None else {"cursor": cursor, "sort": used}
        answer = world.call("GET", "/products", query=query)
        expect_problem(answer, "validation_failed", field="cursor")


@case("a cursor is base64url of [sort, last value, id]", "pagination", "inventory")
def cursor_form(world: World) -> None:
    page = _list(world, limit=1, sort="price")
    last = page["items"][0]
    text = base64.urlsafe_b64decode(page["next_cursor"] + "==").decode()
    equal(json.loads(text), ["price", last["price_cents"], last["id"]], "the cursor")
    require(" " not in text, f"not compact: {text!r}")


def _cursor(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


@case("a tampered cursor is 422, never an error", "pagination", "inventory")
def broken_cursors(world: World) -> None:
    some_id = str(uuid.uuid4())
    values: dict[str, tuple[object, ...]] = {
        "name": (
            *([], {}, None, 1, "x", ["name"], ["name", "x"], ["name", "x", some_id, 1]),
            *(["name", 1, some_id], ["name", None, some_id], ["name", ["x"], some_id]),
            *(["name", "x", "1"], ["name", "x", 5], ["name", "x", some_id.upper()]),
            *(["Name", "x", some_id], [None, "x", some_id], ["name", "a\0b", some_id]),
            *(["name", "\ud800", some_id], "[" * 5000, "{", '["name", "x", NaN]'),
            *('["name", "\ud800", "' + some_id + '"]',),
        ),
        "price": (
            *(["price", "1", some_id], ["price", 1.5, some_id], ["price", True, some_id]),
            *(["price", 10**30, some_id], ["price", 2**63, some_id], ["price", None, some_id]),
            *('["price", 1e400, "' + some_id + '"]', '["price", ' + "9" * 5000 + "]"),
        ),
    }
    wrong = []
    for sort, broken in values.items():
        for value in broken:
            query = {"sort": sort, "cursor": _cursor(value)}
            answer = world.call("GET", "/products", query=query)
            if answer.json().get("code") != "validation_failed":
                wrong.append(f"{value!r:.80}: {str(answer)[-200:]}")
    for cursor in ("a", "a===", "%%%", "é", "W10.", "A" * 6000):
        answer = world.call("GET", "/products", query={"cursor": cursor})
        if answer.json().get("code") != "validation_failed":
            wrong.append(f"{cursor:.40}: {str(answer)[-200:]}")
    require(not wrong, "should be 422: " + "; ".join(wrong))
