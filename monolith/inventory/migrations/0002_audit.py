from django.db import migrations

# Every sale rewrites the counters of a stock row: room for it on the same page (HOT updates).
ROOM_FOR_UPDATES = "ALTER TABLE stock SET (fillfactor = 50)"
AUDIT_STOCK = """
CREATE VIEW audit_stock AS
SELECT product_id::text, initial, restocked, sold, initial + restocked - sold AS on_hand,
  0::bigint AS reserved
FROM stock
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial")]
    operations = [
        migrations.RunSQL(ROOM_FOR_UPDATES, "ALTER TABLE stock RESET (fillfactor)"),
        migrations.RunSQL(AUDIT_STOCK, "DROP VIEW audit_stock"),
    ]
