-- Wallets, the ledger and the payments of orders. Amounts are integer cents.

-- The only stored balances: merchant and external are sums over the ledger.
CREATE TABLE wallets (
    user_id       uuid PRIMARY KEY,
    balance_cents bigint NOT NULL CONSTRAINT wallets_never_negative CHECK (balance_cents >= 0)
) WITH (fillfactor = 50);

-- One row for each order ever heard of. `refused` keeps a definite refusal for want of funds, `void`
-- is the tombstone of an order whose refund came first: a charge that arrives after either is refused.
CREATE TABLE payments (
    id           uuid PRIMARY KEY,
    order_id     uuid NOT NULL CONSTRAINT payments_one_for_each_order UNIQUE,
    user_id      uuid,
    amount_cents bigint CONSTRAINT payments_amount_positive CHECK (amount_cents > 0),
    status       text NOT NULL
                 CONSTRAINT payments_status_known
                 CHECK (status IN ('captured', 'refunded', 'refused', 'void')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payments_content_unless_void CHECK (
        (status = 'void') = (user_id IS NULL) AND (status = 'void') = (amount_cents IS NULL)
    )
) WITH (fillfactor = 80);

-- Double entry: a row names the account that gives and the account that takes, so an unbalanced
-- transfer cannot be written. `audit_ledger` shows the two entries.
CREATE TABLE transfers (
    id             uuid PRIMARY KEY,
    seq            bigint GENERATED ALWAYS AS IDENTITY,
    kind           text NOT NULL,
    debit_account  text NOT NULL,
    credit_account text NOT NULL,
    amount_cents   bigint NOT NULL CONSTRAINT transfers_amount_positive CHECK (amount_cents > 0),
    order_id       uuid REFERENCES payments (order_id),
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT transfers_accounts_fit_kind CHECK (
        CASE kind
            WHEN 'deposit' THEN debit_account = 'external' AND credit_account LIKE 'wallet:%' AND order_id IS NULL
            WHEN 'capture' THEN debit_account LIKE 'wallet:%' AND credit_account = 'merchant' AND order_id IS NOT NULL
            WHEN 'refund' THEN debit_account = 'merchant' AND credit_account LIKE 'wallet:%' AND order_id IS NOT NULL
            ELSE false
        END
    )
);

-- At most one capture and one refund an order, whatever the code above does.
CREATE UNIQUE INDEX transfers_once_for_each_order ON transfers (order_id, kind) WHERE order_id IS NOT NULL;

CREATE VIEW audit_payments AS
SELECT id::text AS payment_id,
       order_id::text AS order_id,
       user_id::text AS user_id,
       amount_cents,
       status,
       created_at
FROM payments
WHERE status IN ('captured', 'refunded');

CREATE VIEW audit_ledger AS
SELECT id::text || ':' || side AS entry_id,
       id::text AS transfer_id,
       kind,
       CASE side WHEN 'debit' THEN debit_account ELSE credit_account END AS account,
       CASE side WHEN 'debit' THEN -amount_cents ELSE amount_cents END AS amount_cents,
       order_id::text AS order_id,
       created_at
FROM transfers
CROSS JOIN (VALUES (1, 'debit'), (2, 'credit')) AS sides (place, side)
ORDER BY seq, place;
