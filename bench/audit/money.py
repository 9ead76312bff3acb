"""I4 and I6: captures and the double-entry ledger."""

from collections import defaultdict

from bench.audit.findings import Findings, by_order
from bench.audit.rows import LedgerRow, Snapshot


def check_one_capture(snapshot: Snapshot) -> Findings:
    """I4: at most one net capture an order, in the payments and in the ledger."""
    findings = Findings()
    for payments in by_order(snapshot.payments).values():
        findings.checked += 1
        if sum(payment.status == "captured" for payment in payments) > 1:
            findings.broken("several captured payments for one order", *payments)
    amounts = {payment.order_id: payment.amount_cents for payment in snapshot.payments}
    for order_id, entries in by_order(snapshot.ledger).items():
        findings.checked += 1
        merchant = [entry for entry in entries if entry.account == "merchant"]
        captures = sum(entry.amount_cents > 0 for entry in merchant)
        refunds = sum(entry.amount_cents < 0 for entry in merchant)
        if captures - refunds > 1:
            findings.broken("money was taken more than once for one order", *merchant)
        if refunds > captures:
            findings.broken("money was given back more often than taken", *merchant)
        net = sum(entry.amount_cents for entry in merchant)
        if net not in {0, amounts.get(order_id, 0)}:
            findings.broken("the order's money is neither nothing nor its payment", *merchant)
    return findings


def check_ledger(snapshot: Snapshot) -> Findings:
    """I6: all ledger entries add up to zero; wallets >= 0; deposits = wallets + merchant."""
    findings = Findings(checked=len(snapshot.ledger))
    transfers: dict[str, list[LedgerRow]] = defaultdict(list)
    balances: dict[str, int] = defaultdict(int)
    deposited = 0
    for entry in snapshot.ledger:
        transfers[entry.transfer_id].append(entry)
        balances[entry.account] += entry.amount_cents
        if entry.kind == "deposit" and entry.account.startswith("wallet:"):
            deposited += entry.amount_cents
    for entries in transfers.values():
        if len(entries) != 2 or sum(entry.amount_cents for entry in entries) != 0:
            findings.broken("a transfer is not two entries adding up to zero", *entries)
    if sum(balances.values()) != 0:
        findings.broken("the ledger does not add up to zero", {"sum": sum(balances.values())})
    wallets = {name: cents for name, cents in balances.items() if name.startswith("wallet:")}
    for account, cents in wallets.items():
        if cents < 0:
            findings.broken("a wallet is negative", {"account": account, "balance_cents": cents})
    if deposited != sum(wallets.values()) + balances["merchant"]:
        findings.broken(
            "deposits are not wallets + merchant",
            {"deposits": deposited, "wallets": sum(wallets.values())},
            {"merchant": balances["merchant"]},
        )
    return findings
