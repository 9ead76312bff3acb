-- Public keys that verify user tokens: kept here so that tokens stay verifiable while their issuer is down.
CREATE TABLE verification_keys (
    kid        text PRIMARY KEY,
    jwk        jsonb NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT now()
);
