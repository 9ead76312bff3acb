"""Mistakes a shop may make, each put into the real code as its module is imported.

A patch whose text is no longer there ends the process: a mutant that mutates nothing is no test.
"""

import asyncio
import importlib.machinery
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import ModuleType

Patch = Callable[[ModuleType], None]
COMMIT_LATER_S = 1.0


def install(name: str) -> None:
    """Patch the modules of this mutant when they are imported; each process has only some."""
    sys.meta_path.insert(0, _Finder(MUTANTS[name]))


class _Finder:
    def __init__(self, patches: Mapping[str, Patch]) -> None:
        self._patches = patches

    def find_spec(self, name: str, path: object, target: object = None) -> object:
        patch = self._patches.get(name)
        if patch is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        sound = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            sound(module)
            patch(module)

        spec.loader.exec_module = exec_module
        return spec


def _replaced(constant: str, *changes: tuple[str, str]) -> Patch:
    """Put other text into an SQL constant of the module."""

    def patch(module: ModuleType) -> None:
        text = getattr(module, constant)
        for old, new in changes:
            if old not in text:
                raise SystemExit(f"{module.__name__}.{constant} has no {old!r} to mutate")
            text = text.replace(old, new)
        setattr(module, constant, text)

    return patch


def _without(module: ModuleType, **replacements: object) -> None:
    """Put other functions in the place of the module's own."""
    for name, replacement in replacements.items():
        if not hasattr(module, name):
            raise SystemExit(f"{module.__name__} has no {name} to mutate")
        setattr(module, name, replacement)


def _forget_keys(module: ModuleType) -> None:
    """Monolith: the record of a key is never looked at, and always written."""
    _without(module, _recorded=lambda request: None)


def _monolith_answers_first(module: ModuleType) -> None:
    """Monolith: the answer leaves before its transaction commits."""
    from django.db import connection

    def run_keyed(request: object, work: Callable[[], object]) -> object:
        answers: queue.Queue[object] = queue.Queue()

        def inside() -> object:
            answer = module._recorded(request) or module._work(request, work)
            answers.put(answer)
            time.sleep(COMMIT_LATER_S)
            return answer

        def transact() -> None:
            try:
                module.run_transaction(inside)
            except Exception as error:
                answers.put(error)
            finally:
                connection.close()

        threading.Thread(target=transact, daemon=True).start()
        answer = answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer.response()

    _without(module, run_keyed=run_keyed)


def _services_answer_first(module: ModuleType) -> None:
    """Services: 202 leaves before the pending order is committed."""
    running = set()

    async def create_order(self, ctx, request):  # type: ignore[no-untyped-def]
        order = module.new_order(ctx, request, module.utc_now())

        async def later() -> None:
            await asyncio.sleep(COMMIT_LATER_S)
            if await self.store.place(order, ctx):
                await self.saga.advance(order)

        task = asyncio.create_task(later())
        running.add(task)
        task.add_done_callback(running.discard)
        answer = module.views.accepted(order)
        return module.Reply(answer.status, answer.body)

    module.Orders.create_order = create_order


def _monolith_refunds_twice(module: ModuleType) -> None:
    """Monolith: a second refund finds the payment refunded and refunds it all the same."""
    sound = module.refund

    def refund(*, order_id, user_id, amount_cents):  # type: ignore[no-untyped-def]
        sound(order_id=order_id, user_id=user_id, amount_cents=amount_cents)
        module.Wallet.objects.deposit(user_id=user_id, amount_cents=amount_cents)
        module._book(module.Transfer.Kind.REFUND, user_id, amount_cents, order_id)

    _without(module, refund=refund)


def _monolith_writes_what_it_read(module: ModuleType) -> None:
    """Monolith: no row is locked, and the counter written is the one read and some more."""

    def unlocked(quantities):  # type: ignore[no-untyped-def]
        stocks = module.Stock.objects.filter(product_id__in=quantities)
        return list(stocks.select_related("product").order_by("product_id"))

    def overwrite(stocks, quantities):  # type: ignore[no-untyped-def]
        for stock in stocks:
            stock.sold += quantities[stock.product_id]
        module.Stock.objects.bulk_update(stocks, ["sold"])

    _without(module, _locked=unlocked, _sell=overwrite)


# Of each counter the value read is the value written to; no row is locked between.
_SERVICES_RMW = (
    ("w.quantity, p.name", "w.quantity, s.reserved AS was, p.name"),
    ("\n    FOR UPDATE OF s", ""),
    ("SET reserved = s.reserved + l.quantity", "SET reserved = l.was + l.quantity"),
)  # fmt: skip

MUTANTS: dict[str, dict[str, Patch]] = {
    "retry without idempotency": {
        "monolith.common.idempotency": _forget_keys,
        "microservices.orders.statements": _replaced(
            "PLACE",
            ("%(key)s::text, %(finger", "%(key)s::text || %(id)s::text, %(finger"),
        ),
    },
    "acknowledge before commit": {
        "monolith.common.idempotency": _monolith_answers_first,
        "microservices.orders.service": _services_answer_first,
    },
    "read-modify-write of stock": {
        "monolith.inventory.services": _monolith_writes_what_it_read,
        "microservices.inventory.stock": _replaced("RESERVE", *_SERVICES_RMW),
    },
    "refund twice": {
        "monolith.payments.services": _monolith_refunds_twice,
        "microservices.payments.repository": _replaced(
            "REFUND",
            ("AND status = 'captured'", "AND status IN ('captured', 'refunded')"),
        ),
    },
}
