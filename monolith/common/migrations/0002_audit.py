from django.db import migrations

AUDIT_IDEMPOTENCY = """
CREATE VIEW audit_idempotency AS
SELECT user_id::text, method, path, key, fingerprint, status::integer, resource_id::text, created_at
FROM idempotency_keys
"""


class Migration(migrations.Migration):
    dependencies = [("common", "0001_initial")]
    operations = [migrations.RunSQL(AUDIT_IDEMPOTENCY, "DROP VIEW audit_idempotency")]
