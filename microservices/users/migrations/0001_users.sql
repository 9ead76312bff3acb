CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE
                  CHECK (length(email) <= 254 AND email ~ '^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$'),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    full_name     text NOT NULL CHECK (length(full_name) BETWEEN 1 AND 200),
    staff         boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);
