from django.db import migrations

AUDIT_STOCK = """
CREATE VIEW audit_stock AS
SELECT product_id::text, initial, restocked, sold, initial + restocked - sold AS on_hand,
  0::bigint AS reserved
FROM stock
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial")]
    operations = [migrations.RunSQL(AUDIT_STOCK, "DROP VIEW audit_stock")]
