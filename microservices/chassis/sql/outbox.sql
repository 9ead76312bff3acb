-- Events to deliver at least once; a row is deleted when its delivery is confirmed.
CREATE TABLE outbox (
    event_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    topic           text NOT NULL,
    subject_id      uuid NOT NULL,
    payload         jsonb NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due ON outbox (next_attempt_at);
