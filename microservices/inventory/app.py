"""Inventory as a component: its operations, database and fault points, for the composition root."""

from microservices.chassis.operations import ComponentSpec, Operation
from microservices.inventory.messages import (
    ChangeProduct,
    CreateProduct,
    GetProduct,
    ListProducts,
    Recommend,
    Release,
    Reserve,
    Restock,
    Settle,
)
from microservices.inventory.seed import load_seed
from microservices.inventory.service import Inventory

PRODUCTS = "/api/v1/products"
PRODUCT = f"{PRODUCTS}/{{product_id}}"

OPERATIONS = (
    Operation("list_products", "GET", PRODUCTS, ListProducts, Inventory.list_products, "public"),
    Operation("get_product", "GET", PRODUCT, GetProduct, Inventory.get_product, "public"),
    Operation(
        "create_product",
        "POST",
        PRODUCTS,
        CreateProduct,
        Inventory.create_product,
        "staff",
        status=201,
        key=True,
    ),
    Operation("change_product", "PATCH", PRODUCT, ChangeProduct, Inventory.change_product, "staff"),
    Operation(
        "restock",
        "POST",
        f"{PRODUCT}/restocks",
        Restock,
        Inventory.restock,
        "staff",
        status=201,
        key=True,
    ),
    Operation(
        "recommend",
        "GET",
        "/internal/v1/recommended",
        Recommend,
        Inventory.recommend,
        "service",
        callers=("gateway",),
    ),
    *(
        Operation(name, "POST", f"/internal/v1/{name}", kind, does, "service", callers=("orders",))
        for name, kind, does in (
            ("reserve", Reserve, Inventory.reserve),
            ("settle", Settle, Inventory.settle),
            ("release", Release, Inventory.release),
        )
    ),
)

FAULT_POINTS = tuple(
    f"inventory.{call}.{place}"
    for call in ("reserve", "settle", "release")
    for place in ("before_commit", "after_commit_before_reply")
)

SPEC = ComponentSpec(
    name="inventory",
    operations=OPERATIONS,
    build=Inventory,
    migrations="microservices.inventory.migrations",
    tables=("keys", "idempotency"),
    fault_points=FAULT_POINTS,
    load_seed=load_seed,
)
