from django.db import migrations

# Balances and states are rewritten: room for it on the same page (HOT updates).
ROOM_FOR_UPDATES = """
ALTER TABLE wallets SET (fillfactor = 50);
ALTER TABLE payments SET (fillfactor = 80);
"""
# Once a statement, over all it wrote: the two entries of a transfer are written together.
BALANCED = """
CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM written GROUP BY transfer_id HAVING count(*) <> 2 OR sum(amount_cents) <> 0
  ) THEN
    RAISE EXCEPTION 'a transfer is two entries that add up to zero'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balanced';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_balanced AFTER INSERT ON ledger_entries
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_balanced();
"""
APPEND_ONLY = """
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is never rewritten'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_append_only';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger_transfers
FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
"""
# captured -> refunded, and nothing else of a payment ever changes.
PAYMENT_EDGES = """
CREATE FUNCTION payment_edges() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a payment is captured, then refunded, and not otherwise changed'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_edges';
END $$;
CREATE TRIGGER payment_edges BEFORE UPDATE ON payments FOR EACH ROW
WHEN (NOT (OLD.status = 'captured' AND NEW.status = 'refunded')
  OR (OLD.id, OLD.order_id, OLD.user_id, OLD.amount_cents)
    IS DISTINCT FROM (NEW.id, NEW.order_id, NEW.user_id, NEW.amount_cents))
EXECUTE FUNCTION payment_edges();
"""
AUDIT = """
CREATE VIEW audit_payments AS
SELECT id::text AS payment_id, order_id::text, user_id::text, amount_cents, status::text, created_at
FROM payments;
CREATE VIEW audit_ledger AS
SELECT e.id::text AS entry_id, e.transfer_id::text, t.kind::text, e.account::text, e.amount_cents,
  t.order_id::text, t.created_at
FROM ledger_entries e JOIN ledger_transfers t ON t.id = e.transfer_id;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]
    operations = [
        migrations.RunSQL(
            ROOM_FOR_UPDATES,
            "ALTER TABLE wallets RESET (fillfactor); ALTER TABLE payments RESET (fillfactor)",
        ),
        migrations.RunSQL(
            BALANCED,
            "DROP TRIGGER ledger_balanced ON ledger_entries; DROP FUNCTION ledger_balanced",
        ),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER ledger_append_only ON ledger_entries;"
            "DROP TRIGGER ledger_append_only ON ledger_transfers;"
            "DROP FUNCTION ledger_append_only",
        ),
        migrations.RunSQL(
            PAYMENT_EDGES, "DROP TRIGGER payment_edges ON payments; DROP FUNCTION payment_edges"
        ),
        migrations.RunSQL(AUDIT, "DROP VIEW audit_payments; DROP VIEW audit_ledger"),
    ]
