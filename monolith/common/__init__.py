"""What every app of the shop needs and none owns: errors, requests, idempotency, database."""
