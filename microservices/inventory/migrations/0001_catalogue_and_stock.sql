-- The catalogue, its stock and the reservations of orders. Amounts are whole units and integer cents.

CREATE TABLE products (
    id          uuid PRIMARY KEY,
    sku         text COLLATE "C" NOT NULL
                CONSTRAINT products_sku_unique UNIQUE
                CONSTRAINT products_sku_length CHECK (char_length(sku) BETWEEN 1 AND 64),
    name        text COLLATE "C" NOT NULL
                CONSTRAINT products_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    description text NOT NULL
                CONSTRAINT products_description_length CHECK (char_length(description) <= 2000),
    category    text COLLATE "C" NOT NULL
                CONSTRAINT products_category_length CHECK (char_length(category) BETWEEN 1 AND 64),
    price_cents integer NOT NULL
                CONSTRAINT products_price_range CHECK (price_cents BETWEEN 1 AND 10000000),
    version     integer NOT NULL DEFAULT 1
                CONSTRAINT products_version_positive CHECK (version >= 1),
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- One index for each sort order, with and without a category: a page is a range scan of one of them.
CREATE INDEX products_by_name ON products (name, id);
CREATE INDEX products_by_price ON products (price_cents, id);
CREATE INDEX products_by_price_desc ON products (price_cents DESC, id);
CREATE INDEX products_by_category_name ON products (category, name, id);
CREATE INDEX products_by_category_price ON products (category, price_cents, id);
CREATE INDEX products_by_category_price_desc ON products (category, price_cents DESC, id);

-- Apart from the catalogue, so that the row every order locks and rewrites is a narrow one, without
-- an indexed column that changes (fillfactor leaves room for HOT updates), and so that editing a
-- product never waits for its buyers. `on_hand` and `available` follow from the four counters.
CREATE TABLE stock (
    product_id uuid PRIMARY KEY REFERENCES products (id),
    initial    bigint NOT NULL CONSTRAINT stock_initial_not_negative CHECK (initial >= 0),
    restocked  bigint NOT NULL DEFAULT 0 CONSTRAINT stock_restocked_not_negative CHECK (restocked >= 0),
    sold       bigint NOT NULL DEFAULT 0 CONSTRAINT stock_sold_not_negative CHECK (sold >= 0),
    reserved   bigint NOT NULL DEFAULT 0 CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
    CONSTRAINT stock_never_oversold CHECK (initial + restocked - sold - reserved >= 0)
) WITH (fillfactor = 50);

-- One row for each order ever heard of. `released` without lines is the tombstone of an order whose
-- release came first: a reserve that arrives later finds it and is refused.
CREATE TABLE reservations (
    order_id   uuid PRIMARY KEY,
    state      text NOT NULL
               CONSTRAINT reservations_state_known CHECK (state IN ('reserved', 'sold', 'released', 'returned')),
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

-- Names and prices as of the reservation: a repeated reserve answers with these.
CREATE TABLE reservation_lines (
    order_id         uuid NOT NULL REFERENCES reservations (order_id),
    product_id       uuid NOT NULL REFERENCES stock (product_id),
    quantity         integer NOT NULL
                     CONSTRAINT reservation_lines_quantity_range CHECK (quantity BETWEEN 1 AND 1000),
    name             text NOT NULL,
    unit_price_cents integer NOT NULL
                     CONSTRAINT reservation_lines_price_positive CHECK (unit_price_cents > 0),
    PRIMARY KEY (order_id, product_id)
);

CREATE VIEW audit_stock AS
SELECT product_id::text AS product_id,
       initial,
       restocked,
       sold,
       initial + restocked - sold AS on_hand,
       reserved
FROM stock;

CREATE VIEW audit_reservations AS
SELECT order_id::text AS order_id,
       product_id::text AS product_id,
       quantity,
       CASE state WHEN 'returned' THEN 'released' ELSE state END AS state
FROM reservations
JOIN reservation_lines USING (order_id);
