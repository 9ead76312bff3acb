"""The SQL of users."""

INSERT_USER = """
INSERT INTO users (id, email, password_hash, full_name) VALUES (%s, %s, %s, %s)
RETURNING created_at"""
CREDENTIALS = "SELECT id::text, password_hash, staff FROM users WHERE email = %s"
USER = "SELECT id::text, email, full_name, created_at FROM users WHERE id = %s"
