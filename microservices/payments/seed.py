"""Loads the seed's wallets by COPY: each balance is one deposit in the ledger."""

from pathlib import Path

from microservices.chassis.database import Connection
from microservices.chassis.seeding import copy_rows, read_csv


async def load_seed(connection: Connection, directory: Path) -> None:
    """Fill the empty tables."""
    rows = list(read_csv(directory / "wallets.csv"))
    wallets = ((row["user_id"], row["balance_cents"]) for row in rows)
    await copy_rows(connection, "wallets", ("user_id", "balance_cents"), wallets)
    rows = [row for row in rows if int(row["balance_cents"]) > 0]
    deposits = ((row["transfer_id"], "deposit", row["created_at"]) for row in rows)
    await copy_rows(connection, "ledger_transfers", ("id", "kind", "created_at"), deposits)
    entries = (entry for row in rows for entry in _entries(row))
    columns = ("transfer_id", "account", "amount_cents")
    await copy_rows(connection, "ledger_entries", columns, entries)


def _entries(row: dict[str, str]) -> tuple[tuple[str, str, int], ...]:
    transfer_id, cents = row["transfer_id"], int(row["balance_cents"])
    wallet = f"wallet:{row['user_id']}"
    return (transfer_id, "external", -cents), (transfer_id, wallet, cents)
