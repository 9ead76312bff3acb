"""SQL that reads orders. `statements` has the SQL that moves them; `repository` runs both."""

ORDER_COLUMNS = """
       o.id::text, o.user_id::text, o.status, o.reason, o.total_cents, o.payment_id::text,
       o.idempotency_key, o.cancellation_key, o.attempt, o.created_at, o.updated_at,
       (SELECT json_agg(json_build_object(
                   'product_id', l.product_id, 'name', l.name,
                   'unit_price_cents', l.unit_price_cents, 'quantity', l.quantity
               ) ORDER BY l.position)::text
        FROM order_lines l WHERE l.order_id = o.id)"""

ORDER = f"SELECT {ORDER_COLUMNS} FROM orders o"

GET_ORDER = ORDER + " WHERE o.id = %s AND o.user_id = %s"

OWNED = "SELECT 1 FROM orders WHERE id = %s AND user_id = %s"

FIRST_PAGE = (
    ORDER
    + """
WHERE o.user_id = %(user_id)s::uuid
ORDER BY o.created_at DESC, o.id DESC LIMIT %(limit)s"""
)

NEXT_PAGE = (
    ORDER
    + """
WHERE o.user_id = %(user_id)s::uuid AND (o.created_at, o.id) < (%(last)s, %(last_id)s::uuid)
ORDER BY o.created_at DESC, o.id DESC LIMIT %(limit)s"""
)

UNFINISHED = """
SELECT (SELECT count(*) FROM orders
        WHERE status IN ('pending', 'compensating')
           OR (status = 'confirmed' AND cancel_requested_at IS NOT NULL)),
       (SELECT count(*) FROM outbox)"""
