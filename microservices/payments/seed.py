"""Loads the seed's wallets by COPY: each balance is one deposit in the ledger."""

from pathlib import Path

from microservices.chassis.database import Connection
from microservices.chassis.seeding import copy_rows, read_csv

TRANSFER_COLUMNS = ("id", "kind", "debit_account", "credit_account", "amount_cents", "created_at")


async def load_seed(connection: Connection, directory: Path) -> None:
    """Fill the empty tables."""
    rows = list(read_csv(directory / "wallets.csv"))
    wallets = ((row["user_id"], row["balance_cents"]) for row in rows)
    await copy_rows(connection, "wallets", ("user_id", "balance_cents"), wallets)
    deposits = (
        (
            row["transfer_id"],
            "deposit",
            "external",
            f"wallet:{row['user_id']}",
            row["balance_cents"],
            row["created_at"],
        )
        for row in rows
        if int(row["balance_cents"]) > 0
    )
    await copy_rows(connection, "transfers", TRANSFER_COLUMNS, deposits)
