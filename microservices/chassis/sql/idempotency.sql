-- `response IS NULL` while an operation of several transactions is still running.
CREATE TABLE idempotency_keys (
    user_id     uuid NOT NULL,
    method      text NOT NULL,
    path        text NOT NULL,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint text NOT NULL,
    status      smallint,
    response    bytea,
    resource_id uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, method, path, key),
    CHECK ((status IS NULL) = (response IS NULL))
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE VIEW audit_idempotency AS
SELECT user_id::text AS user_id, method, path, key, fingerprint, status::int AS status,
       resource_id::text AS resource_id, created_at
FROM idempotency_keys;
