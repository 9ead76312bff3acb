"""The shop as one Django application with one database: `python -m monolith.manage`."""
