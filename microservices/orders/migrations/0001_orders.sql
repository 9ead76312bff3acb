-- Orders with the state of their saga, and their lines. Amounts are integer cents.

-- `status` is the saga's: `compensating` is shown as `pending` to everybody outside.
-- One driver at a time: `attempt` is the fencing number of the driver that holds the order until
-- `lease_until`; every write of a driver compares both status and attempt.
CREATE TABLE orders (
    id                  uuid PRIMARY KEY,
    user_id             uuid NOT NULL,
    status              text NOT NULL
                        CONSTRAINT orders_status_known
                        CHECK (status IN ('pending', 'compensating', 'confirmed', 'rejected', 'cancelled')),
    reason              text
                        CONSTRAINT orders_reason_known
                        CHECK (reason IN ('out_of_stock', 'insufficient_funds', 'unknown_product',
                                          'dependency_unavailable')),
    total_cents         bigint CONSTRAINT orders_total_positive CHECK (total_cents > 0),
    payment_id          uuid,
    idempotency_key     text NOT NULL,
    attempt             integer NOT NULL DEFAULT 1 CONSTRAINT orders_attempt_positive CHECK (attempt >= 1),
    lease_until         timestamptz NOT NULL,
    cancel_requested_at timestamptz,
    cancellation_key    text,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    CONSTRAINT orders_reason_if_refused CHECK (
        (status IN ('compensating', 'rejected')) = (reason IS NOT NULL)
    ),
    CONSTRAINT orders_payment_if_confirmed CHECK (
        (status IN ('confirmed', 'cancelled')) = (payment_id IS NOT NULL)
    ),
    CONSTRAINT orders_total_if_confirmed CHECK (
        total_cents IS NOT NULL OR status NOT IN ('confirmed', 'cancelled')
    ),
    CONSTRAINT orders_cancelled_on_request CHECK (
        CASE status
            WHEN 'cancelled' THEN cancel_requested_at IS NOT NULL
            WHEN 'confirmed' THEN true
            ELSE cancel_requested_at IS NULL
        END
    ),
    CONSTRAINT orders_cancellation_has_key CHECK (
        (cancel_requested_at IS NULL) = (cancellation_key IS NULL)
    ),
    CONSTRAINT orders_times_in_order CHECK (updated_at >= created_at)
) WITH (fillfactor = 80);

CREATE INDEX orders_newest_of_user ON orders (user_id, created_at DESC, id DESC);
-- What the recovery worker looks for; final orders are not in it.
CREATE INDEX orders_unfinished ON orders (lease_until)
    WHERE status IN ('pending', 'compensating')
       OR (status = 'confirmed' AND cancel_requested_at IS NOT NULL);

-- Lines in the order's own sequence. Names and prices are those of the reservation, unknown before.
CREATE TABLE order_lines (
    order_id         uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    position         smallint NOT NULL
                     CONSTRAINT order_lines_position_range CHECK (position BETWEEN 1 AND 50),
    product_id       uuid NOT NULL,
    quantity         integer NOT NULL
                     CONSTRAINT order_lines_quantity_range CHECK (quantity BETWEEN 1 AND 1000),
    name             text,
    unit_price_cents integer CONSTRAINT order_lines_price_positive CHECK (unit_price_cents > 0),
    CONSTRAINT order_lines_product_once PRIMARY KEY (order_id, product_id),
    CONSTRAINT order_lines_name_with_price CHECK ((name IS NULL) = (unit_price_cents IS NULL))
) WITH (fillfactor = 70);

CREATE VIEW audit_orders AS
SELECT id::text AS order_id,
       user_id::text AS user_id,
       CASE status WHEN 'compensating' THEN 'pending' ELSE status END AS status,
       CASE status WHEN 'compensating' THEN NULL ELSE reason END AS reason,
       total_cents,
       payment_id::text AS payment_id,
       idempotency_key,
       created_at,
       updated_at
FROM orders;

CREATE VIEW audit_order_lines AS
SELECT order_id::text AS order_id,
       product_id::text AS product_id,
       name,
       unit_price_cents,
       quantity
FROM order_lines
ORDER BY order_id, position;

-- Calls owed to other components and not yet delivered. An event may outlive its order: the release
-- of an order for an unknown product does.
CREATE VIEW audit_outbox AS
SELECT event_id::text AS event_id,
       topic,
       subject_id::text AS order_id,
       attempts,
       created_at
FROM outbox;
