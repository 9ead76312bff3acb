from django.db import migrations

# As in the services, whose saga rewrites both.
ROOM_FOR_UPDATES = """
ALTER TABLE orders SET (fillfactor = 80);
ALTER TABLE order_lines SET (fillfactor = 70);
"""
# Here and not in payments, which do not depend on orders. Checked at commit: the payment is
# written before its order.
MONEY_BELONGS_TO_ORDERS = """
ALTER TABLE payments ADD CONSTRAINT payments_order FOREIGN KEY (order_id) REFERENCES orders (id)
  DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ledger_transfers ADD CONSTRAINT ledger_transfers_order
  FOREIGN KEY (order_id) REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED;
"""
# confirmed -> cancelled, and nothing else of an order ever changes.
ORDER_EDGES = """
CREATE FUNCTION order_edges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an order goes from confirmed to cancelled, and is not otherwise changed'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'order_edges';
END $$;
CREATE TRIGGER order_edges BEFORE UPDATE ON orders FOR EACH ROW
WHEN (NOT (OLD.status = 'confirmed' AND NEW.status = 'cancelled')
  OR (OLD.id, OLD.user_id, OLD.total_cents, OLD.payment_id)
    IS DISTINCT FROM (NEW.id, NEW.user_id, NEW.total_cents, NEW.payment_id))
EXECUTE FUNCTION order_edges();
CREATE FUNCTION order_lines_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the lines of an order are as ordered'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'order_lines_frozen';
END $$;
CREATE TRIGGER order_lines_frozen BEFORE UPDATE OR DELETE ON order_lines
FOR EACH STATEMENT EXECUTE FUNCTION order_lines_frozen();
"""
# Reservations are derived: an order of the monolith sells at once. There is no outbox.
AUDIT = """
CREATE VIEW audit_orders AS
SELECT id::text AS order_id, user_id::text, status::text, reason::text, total_cents,
  payment_id::text, idempotency_key::text, created_at, updated_at
FROM orders;
CREATE VIEW audit_order_lines AS
SELECT order_id::text, product_id::text, name::text, unit_price_cents, quantity
FROM order_lines;
CREATE VIEW audit_reservations AS
SELECT l.order_id::text, l.product_id::text, l.quantity,
  CASE o.status WHEN 'confirmed' THEN 'sold' ELSE 'released' END AS state
FROM order_lines l JOIN orders o ON o.id = l.order_id;
CREATE VIEW audit_outbox AS
SELECT NULL::text AS event_id, NULL::text AS topic, NULL::text AS order_id, 0 AS attempts,
  NULL::timestamptz AS created_at
WHERE false;
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("payments", "0002_ledger_rules_and_audit")]
    operations = [
        migrations.RunSQL(
            ROOM_FOR_UPDATES,
            "ALTER TABLE orders RESET (fillfactor); ALTER TABLE order_lines RESET (fillfactor)",
        ),
        migrations.RunSQL(
            MONEY_BELONGS_TO_ORDERS,
            "ALTER TABLE payments DROP CONSTRAINT payments_order;"
            "ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_order",
        ),
        migrations.RunSQL(
            ORDER_EDGES,
            "DROP TRIGGER order_edges ON orders; DROP FUNCTION order_edges;"
            "DROP TRIGGER order_lines_frozen ON order_lines; DROP FUNCTION order_lines_frozen",
        ),
        migrations.RunSQL(
            AUDIT,
            "DROP VIEW audit_orders; DROP VIEW audit_order_lines;"
            "DROP VIEW audit_reservations; DROP VIEW audit_outbox",
        ),
    ]
