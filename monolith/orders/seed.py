"""A seed holds no orders; loading one removes those that are there (`load_seed`)."""

TABLES = ("orders", "order_lines")
