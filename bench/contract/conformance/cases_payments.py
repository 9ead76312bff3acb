"""The wallet, deposits and payments."""

from bench.contract.conformance.expect import equal, expect, expect_problem
from bench.contract.conformance.registry import case
from bench.contract.conformance.world import World

AREA = "payments"


@case("a wallet never used holds 0", AREA, "payments")
def unused_wallet(world: World) -> None:
    answer = world.call("GET", "/wallet", token=world.new_person().token)
    equal(expect(answer, 200).json(), {"balance_cents": 0}, "the wallet")


@case("deposits add up, and the answer is the new balance", AREA, "payments")
def deposits(world: World) -> None:
    person = world.new_person()
    balance_cents = 0
    for amount_cents in (1, 99, 100_000_000, 100_000_000):
        balance_cents += amount_cents
        answer = world.call(
            "POST",
            "/wallet/deposits",
            token=person.token,
            key=world.new_key(),
            payload={"amount_cents": amount_cents},
        )
        equal(expect(answer, 201).json(), {"balance_cents": balance_cents}, "the answer")
        equal(world.balance(person), balance_cents, "the wallet")


@case("a deposit moves nobody else's money", AREA, "payments")
def wallets_are_apart(world: World) -> None:
    first, second = world.new_person(), world.new_person()
    world.deposit(first, 500)
    equal(world.balance(second), 0, "the other wallet")


@case("a payment shows what an order captured, and its refund", AREA, "shop")
def payment(world: World) -> None:
    buyer, product = world.buyer(1_000), world.new_product(price_cents=450)
    order = world.confirmed_order(buyer, (product["id"], 2))
    path = f"/payments/{order['payment_id']}"
    captured = expect(world.call("GET", path, token=buyer.token), 200).json()
    wanted = {
        "id": order["payment_id"],
        "order_id": order["id"],
        "amount_cents": 900,
        "status": "captured",
        "created_at": captured["created_at"],
    }
    equal(captured, wanted, "the payment")
    expect(world.cancel(buyer, order["id"]), 200)
    refunded = expect(world.call("GET", path, token=buyer.token), 200).json()
    equal(refunded, {**wanted, "status": "refunded"}, "the payment after cancelling")


@case("an order's id is not a payment's", AREA, "shop")
def order_id_is_no_payment_id(world: World) -> None:
    buyer, product = world.buyer(), world.shared_product()
    order = world.confirmed_order(buyer, (product["id"], 1))
    answer = world.call("GET", f"/payments/{order['id']}", token=buyer.token)
    expect_problem(answer, "not_found")
    answer = world.call("GET", f"/orders/{order['payment_id']}", token=buyer.token)
    expect_problem(answer, "not_found")
