"""SQL that moves orders, one statement and one commit for each step of the saga.

Lock order in each: the order, then its idempotency key. `moved` is the compare-and-set on (status,
attempt): when it finds nothing, nothing else in the statement happens. `answered` writes the
recorded answer unless there is one. A request that waited in vain (until `until`) has given 202, so
a statement that a hanging database reads later than that records 202 and drops no order.
"""

from microservices.orders.queries import ORDER_COLUMNS

# Key, order and lines together; no row comes back if the key is known (one of yesterday is reused).
PLACE = """
WITH claimed AS (
    INSERT INTO idempotency_keys AS k (user_id, method, path, key, fingerprint, resource_id)
    VALUES (%(user_id)s::uuid, 'POST', %(path)s::text, %(key)s::text, %(fingerprint)s::text,
            %(id)s::uuid)
    ON CONFLICT (user_id, method, path, key) DO UPDATE
    SET fingerprint = excluded.fingerprint, resource_id = excluded.resource_id,
        status = NULL, response = NULL, created_at = now()
    WHERE k.created_at <= now() - interval '24 hours'
    RETURNING resource_id
), placed AS (
    INSERT INTO orders (id, user_id, status, idempotency_key, lease_until, created_at, updated_at)
    SELECT resource_id, %(user_id)s::uuid, 'pending', %(key)s::text,
           now() + %(lease_s)s * interval '1 s', %(now)s, %(now)s
    FROM claimed
), lines AS (
    INSERT INTO order_lines (order_id, product_id, quantity, position)
    SELECT c.resource_id, l.product_id, l.quantity, l.position
    FROM claimed c
    CROSS JOIN unnest(%(product_ids)s::uuid[], %(quantities)s::integer[])
        WITH ORDINALITY AS l (product_id, quantity, position)
)
SELECT 1 FROM claimed"""

_NAMED = """
named AS (
    UPDATE order_lines l SET name = q.name, unit_price_cents = q.price
    FROM moved m
    CROSS JOIN unnest(%(product_ids)s::uuid[], %(names)s::text[], %(prices)s::integer[])
        AS q (product_id, name, price)
    WHERE l.order_id = m.id AND l.product_id = q.product_id
)"""

_ANSWERED = """
answered AS (
    UPDATE idempotency_keys k
    SET status = CASE WHEN statement_timestamp() < %(until)s THEN %(answer_status)s ELSE 202 END,
        response = CASE WHEN statement_timestamp() < %(until)s THEN %(answer)s
                        ELSE %(accepted)s END
    FROM moved m
    WHERE k.user_id = %(user_id)s::uuid AND k.method = 'POST' AND k.path = %(path)s::text
      AND k.key = %(key)s::text AND k.resource_id = m.id AND k.status IS NULL
    RETURNING k.status
)"""

_HELD = "id = %(id)s::uuid AND status = %(held)s AND attempt = %(attempt)s"

CONFIRM = f"""
WITH moved AS (
    UPDATE orders
    SET status = 'confirmed', total_cents = %(total_cents)s, payment_id = %(payment_id)s::uuid,
        updated_at = %(updated_at)s
    WHERE {_HELD}
    RETURNING id
), {_NAMED}, owed AS (
    INSERT INTO outbox (topic, subject_id, payload) SELECT 'inventory.settle', id, '{{}}' FROM moved
), {_ANSWERED}
SELECT (SELECT count(*) FROM moved), (SELECT status FROM answered)"""

COMPENSATING = f"""
WITH moved AS (
    UPDATE orders
    SET status = 'compensating', reason = %(reason)s, total_cents = %(total_cents)s,
        updated_at = %(updated_at)s
    WHERE {_HELD}
    RETURNING id
), {_NAMED}
SELECT count(*) FROM moved"""

REJECT = f"""
WITH moved AS (
    UPDATE orders SET status = 'rejected', updated_at = %(updated_at)s
    WHERE {_HELD}
    RETURNING id
), owed AS (
    INSERT INTO outbox (topic, subject_id, payload)
    SELECT topic, id, '{{}}' FROM moved CROSS JOIN unnest(%(owed)s::text[]) AS o (topic)
), {_ANSWERED}
SELECT (SELECT count(*) FROM moved), (SELECT status FROM answered)"""

# An order for an unknown product goes without a trace, unless it was answered (with 202) before.
DROP = f"""
WITH moved AS (
    DELETE FROM orders o
    WHERE {_HELD} AND statement_timestamp() < %(until)s AND EXISTS (
        SELECT FROM idempotency_keys k
        WHERE k.user_id = o.user_id AND k.method = 'POST' AND k.path = %(path)s::text
          AND k.key = o.idempotency_key AND k.resource_id = o.id AND k.status IS NULL
    )
    RETURNING id
), owed AS (
    INSERT INTO outbox (topic, subject_id, payload)
    SELECT topic, id, '{{}}' FROM moved CROSS JOIN unnest(%(owed)s::text[]) AS o (topic)
), answered AS (
    UPDATE idempotency_keys k
    SET status = %(answer_status)s, response = %(answer)s, resource_id = NULL
    FROM moved m
    WHERE k.user_id = %(user_id)s::uuid AND k.method = 'POST' AND k.path = %(path)s::text
      AND k.key = %(key)s::text AND k.resource_id = m.id
)
SELECT count(*) FROM moved"""

CANCEL = f"""
WITH moved AS (
    UPDATE orders SET status = 'cancelled', updated_at = %(updated_at)s
    WHERE {_HELD} AND cancel_requested_at IS NOT NULL
    RETURNING id
), {_ANSWERED}
SELECT (SELECT count(*) FROM moved), (SELECT status FROM answered)"""

REQUEST_CANCELLATION = f"""
UPDATE orders o
SET cancel_requested_at = now(), cancellation_key = %(key)s, attempt = attempt + 1,
    lease_until = now() + %(lease_s)s * interval '1 s'
WHERE id = %(id)s::uuid AND user_id = %(user_id)s::uuid AND status = 'confirmed'
  AND cancel_requested_at IS NULL
RETURNING {ORDER_COLUMNS}"""

# The request ends before the order does: its answer is 202 for good, the worker may go on soon.
HAND_OVER = f"""
WITH moved AS (
    UPDATE orders SET lease_until = least(lease_until, now() + %(pause_s)s * interval '1 s')
    WHERE id = %(id)s::uuid AND attempt = %(attempt)s AND status IN ('pending', 'compensating')
    RETURNING id
), {_ANSWERED}
SELECT (SELECT count(*) FROM moved), (SELECT status FROM answered)"""

RECORDED = """
SELECT status, response FROM idempotency_keys
WHERE user_id = %s AND method = 'POST' AND path = %s AND key = %s AND status IS NOT NULL"""

# The claim is a commit of its own and no lock outlives it: the lease keeps other drivers away.
CLAIM_DUE = f"""
UPDATE orders o SET attempt = attempt + 1, lease_until = now() + %(lease_s)s * interval '1 s'
WHERE id IN (
    SELECT id FROM orders
    WHERE lease_until <= now()
      AND (status IN ('pending', 'compensating')
           OR (status = 'confirmed' AND cancel_requested_at IS NOT NULL))
    ORDER BY lease_until
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING {ORDER_COLUMNS}"""

POSTPONE = """
UPDATE orders SET lease_until = now() + %(pause_s)s * interval '1 s'
WHERE id = %(id)s::uuid AND attempt = %(attempt)s"""
