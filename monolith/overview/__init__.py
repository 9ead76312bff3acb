"""The account at a glance: what a monolith can read in one statement."""
