"""Loading wallets from a seed directory (`load_seed`): a balance is one deposit of two entries."""

from pathlib import Path
from typing import Any

from monolith.common.seed import copy_rows, read_rows
from monolith.payments.ledger import legs_of

TABLES = ("wallets", "payments", "ledger_transfers", "ledger_entries")


def load(cursor: Any, directory: Path) -> None:
    columns = ("user_id", "balance_cents", "transfer_id", "created_at")
    wallets = list(read_rows(directory / "wallets.csv", columns))
    copy_rows(cursor, "wallets", columns[:2], (row[:2] for row in wallets))
    deposits = [row for row in wallets if int(row[1]) > 0]
    copy_rows(
        cursor,
        "ledger_transfers",
        ("id", "kind", "created_at"),
        ((transfer_id, "deposit", created_at) for _, _, transfer_id, created_at in deposits),
    )
    copy_rows(
        cursor,
        "ledger_entries",
        ("transfer_id", "account", "amount_cents"),
        (entry for deposit in deposits for entry in _entries(*deposit[:3])),
    )


def _entries(user_id: str, balance: str, transfer_id: str) -> tuple[tuple[object, ...], ...]:
    legs = legs_of("deposit", user_id)
    amount = int(balance)
    return (transfer_id, legs.debit, -amount), (transfer_id, legs.credit, amount)
