"""A migration without downtime, under load, with the same SQL in both arms: expand and contract.

`products.version` becomes a bigint (or an integer again, the next time): both arms have the column
with the same meaning, product pages read it, and no audit view holds it. Its two names cannot just
be swapped: a prepared statement whose result changes its type fails ('cached plan must not change
result type'), and both arms prepare theirs. So the new release gets a view in a schema of its own
that shows the new column under the old name, as pgroll does; it finds the view by the search path
of new connections. Old and new release work side by side, kept in step by a trigger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from bench.deployments.base import Deployment
from bench.errors import ShopbenchError
from bench.experiments.redeploy.acts import release
from bench.experiments.redeploy.course import Act, Done
from bench.experiments.redeploy.records import OWNER

TABLE, COLUMN = "products", "version"
NEXT = "version_next"
SCHEMA = "shop_next"
BATCH = 250  # rows of one transaction
# A statement that waits for a table makes all others wait behind it: short, and seldom.
LOCK_TIMEOUT_MS, LOCK_TRIES, LOCK_PAUSE_S = 30, 60, 0.3
_TAIL_S = 0.4

_TRIGGER = """
CREATE FUNCTION products_version_in_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' AND NEW.version_next IS NULL THEN
    NEW.version_next := NEW.version;
  ELSIF TG_OP = 'INSERT' OR NEW.version_next IS DISTINCT FROM OLD.version_next THEN
    NEW.version := NEW.version_next;
  ELSE
    NEW.version_next := NEW.version;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER products_version_in_step BEFORE INSERT OR UPDATE ON public.products
FOR EACH ROW EXECUTE FUNCTION products_version_in_step()"""
_BACKFILL = """
UPDATE public.products SET version_next = version WHERE id IN (
  SELECT id FROM public.products WHERE version_next IS NULL ORDER BY id LIMIT %s
  FOR NO KEY UPDATE)"""
_CONSTRAINT = """
ALTER TABLE public.products ADD CONSTRAINT products_version_next_range
CHECK (version_next IS NOT NULL AND version_next >= 1) NOT VALID"""
_OUT_OF_STEP = "SELECT count(*) FROM public.products WHERE version_next IS DISTINCT FROM version"
_COLUMNS = """
SELECT column_name::text, data_type::text FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = 'products' ORDER BY ordinal_position"""
_CONTRACT = (
    "DROP TRIGGER products_version_in_step ON public.products",
    "DROP FUNCTION products_version_in_step()",
    "ALTER TABLE public.products DROP COLUMN version",
    "ALTER TABLE public.products RENAME COLUMN version_next TO version",
    "ALTER TABLE public.products ALTER COLUMN version SET DEFAULT 1",
    "ALTER TABLE public.products RENAME CONSTRAINT products_version_next_range"
    " TO products_version_range",
)


@dataclass(frozen=True)
class Migration:
    """The migration of one deployment; `component` owns the table and is released twice."""

    deployment: Deployment
    component: str

    def acts(self) -> list[Act]:
        """The five steps in their order."""
        steps: tuple[tuple[str, Callable[[], Done]], ...] = (
            ("expand", self.expand),
            ("backfill", self.backfill),
            ("constrain", self.constrain),
            ("switch", self.switch),
            ("contract", self.contract),
        )
        return [Act("migration", self.component, do, name, _TAIL_S) for name, do in steps]

    def expand(self) -> Done:
        """Add the new column, and the trigger that keeps both in step."""
        with self._connected() as connection:
            wider = "bigint" if dict(_columns(connection))[COLUMN] == "integer" else "integer"
            add = f"ALTER TABLE public.{TABLE} ADD COLUMN {NEXT} {wider}"
            tries = in_one_transaction(connection, [add, _TRIGGER])
        return Done(said=f"{COLUMN} becomes {wider}", parts={"tries": tries})

    def backfill(self) -> Done:
        """Fill the new column, some rows a transaction."""
        batches = 0
        with self._connected() as connection:
            while connection.execute(_BACKFILL.encode(), (BATCH,)).rowcount:
                batches += 1
            return self._in_step(connection, {"batches": float(batches)})

    def constrain(self) -> Done:
        """The new column's constraints; what is there is checked without a lock on writers."""
        with self._connected() as connection:
            tries = in_one_transaction(connection, [_CONSTRAINT])
            connection.execute(
                b"ALTER TABLE public.products VALIDATE CONSTRAINT products_version_next_range"
            )
            not_null = f"ALTER TABLE public.{TABLE} ALTER COLUMN {NEXT} SET NOT NULL"
            tries += in_one_transaction(connection, [not_null])
        return Done(parts={"tries": tries})

    def switch(self) -> Done:
        """The view under which a new release finds the new column; then that release."""
        with self._connected() as connection:
            shown = [
                sql.SQL("{} AS {}").format(sql.Identifier(NEXT), sql.Identifier(COLUMN))
                if name == COLUMN
                else sql.Identifier(name)
                for name, _ in _columns(connection)
                if name != NEXT
            ]
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
            connection.execute(
                sql.SQL("CREATE VIEW {} AS SELECT {} FROM {}").format(
                    sql.Identifier(SCHEMA, TABLE),
                    sql.SQL(", ").join(shown),
                    sql.Identifier("public", TABLE),
                )
            )
            self._search_path(connection, f"SET search_path = {SCHEMA}, public")
            done = release(self.deployment, self.component, beside=True)
            return self._in_step(connection, {"release": done.in_service_s or 0.0})

    def contract(self) -> Done:
        """Drop the old column, let the new one have its name, and release once more."""
        with self._connected() as connection:
            tries = in_one_transaction(connection, _CONTRACT)
            self._search_path(connection, "RESET search_path")
            done = release(self.deployment, self.component, beside=True)
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(SCHEMA)))
            names = [name for name, _ in _columns(connection)]
        held = COLUMN in names and NEXT not in names
        parts = {"tries": tries, "release": done.in_service_s or 0.0}
        return Done(held=held, said="" if held else f"columns: {names}", parts=parts)

    def _connected(self) -> psycopg.Connection[Any]:
        dsn = self.deployment.database_dsn(OWNER)
        return psycopg.connect(dsn, autocommit=True, connect_timeout=5)

    def _search_path(self, connection: psycopg.Connection[Any], change: str) -> None:
        """Of the connections that the shop's role opens from now on."""
        database = sql.Identifier(connection.info.dbname)
        form = sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} {}")
        connection.execute(form.format(database, sql.SQL(change)))  # type: ignore[arg-type]

    def _in_step(self, connection: psycopg.Connection[Any], parts: dict[str, float]) -> Done:
        row = connection.execute(_OUT_OF_STEP.encode()).fetchone()
        count = int(row[0]) if row else -1
        said = "" if count == 0 else f"{count} rows out of step"
        return Done(held=count == 0, said=said, parts=parts)


def in_one_transaction(connection: psycopg.Connection[Any], statements: Sequence[str]) -> float:
    """Run DDL that waits for its lock only a moment, and try again; how often it was tried.

    Whoever comes behind a statement that waits for a table waits with it. Raises ShopbenchError.
    """
    attempt = partial(_attempt, connection, statements)
    for tries in range(1, LOCK_TRIES + 1):
        if attempt():
            return float(tries)
        time.sleep(LOCK_PAUSE_S)
    raise ShopbenchError(f"no lock on {TABLE} in {LOCK_TRIES} tries", 1)


def _attempt(connection: psycopg.Connection[Any], statements: Sequence[str]) -> bool:
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_MS}ms'".encode())
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _columns(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    return connection.execute(_COLUMNS.encode()).fetchall()
