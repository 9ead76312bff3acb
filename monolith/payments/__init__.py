"""Payments: wallets, captures and refunds on a double-entry ledger."""
