"""The account at a glance, from the selectors of the apps that own its parts."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from monolith.inventory.selectors import product_recommendations
from monolith.orders.selectors import category_last_bought, order_recent
from monolith.payments.selectors import wallet_get
from monolith.users.selectors import user_get


def overview_get(*, user_id: UUID) -> dict[str, Any] | None:
    """None for a user who is gone. One database: the answer is whole, or there is none."""
    user = user_get(user_id=user_id)
    if user is None:
        return None
    category = category_last_bought(user_id=user_id)
    recommended: Iterable[Any] = product_recommendations(category=category) if category else ()
    return {
        "user": user,
        "wallet": wallet_get(user_id=user_id),
        "recent_orders": order_recent(user_id=user_id),
        "recommended": recommended,
        "degraded": [],
    }
