"""The joined read: user, wallet, newest orders and recommendations in one statement, one snapshot.

The columns of each part, and how they are shown, are those of the app that owns them.
"""

from typing import Any
from uuid import UUID

from monolith.common import sql
from monolith.inventory.selectors import PRODUCT_COLUMNS, product_view
from monolith.orders.selectors import ORDER_COLUMNS, order_view
from monolith.payments.selectors import wallet_view
from monolith.users.selectors import user_view

RECENT_ORDERS = 5
RECOMMENDED = 5

# One row for each recent order (one in all without any); the other parts are repeated in each.
OVERVIEW = f"""
SELECT u.id, u.email, u.full_name, u.created_at, w.balance_cents, advice.products, recent.*
FROM users u
LEFT JOIN wallets w ON w.user_id = u.id
LEFT JOIN LATERAL (
  SELECT p.category FROM orders o
  JOIN order_lines l ON l.order_id = o.id AND l.position = 0
  JOIN products p ON p.id = l.product_id
  WHERE o.user_id = u.id AND o.status = 'confirmed'
  ORDER BY o.created_at DESC, o.id DESC LIMIT 1
) bought ON true
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_array(p.id, p.sku, p.name, p.description, p.category, p.price_cents,
      p.available, p.version)) AS products
  FROM (
    SELECT {PRODUCT_COLUMNS} FROM products p JOIN stock s ON s.product_id = p.id
    WHERE p.category = bought.category AND s.initial + s.restocked > s.sold
    ORDER BY p.name, p.id LIMIT {RECOMMENDED}
  ) p
) advice ON true
LEFT JOIN LATERAL (
  SELECT {ORDER_COLUMNS} FROM orders o WHERE o.user_id = u.id
  ORDER BY o.created_at DESC, o.id DESC LIMIT {RECENT_ORDERS}
) recent ON true
WHERE u.id = %s
ORDER BY recent.created_at DESC, recent.id DESC
"""


def overview_get(*, user_id: UUID) -> dict[str, Any] | None:
    rows = sql.fetch_all(OVERVIEW, (user_id,))
    if not rows:
        return None
    user, balance_cents, products = rows[0][:4], rows[0][4], rows[0][5]
    return {
        "user": user_view(user),
        "wallet": wallet_view(balance_cents),
        "recent_orders": [order_view(row[6:]) for row in rows if row[6] is not None],
        "recommended": [product_view(product) for product in products or ()],
        # One database: the answer is whole, or there is none.
        "degraded": [],
    }
