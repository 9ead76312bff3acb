"""Plumbing that every service shares and that knows nothing of the shop: HTTP, SQL, peers."""
