"""The account at a glance: what a monolith reads without asking anybody."""
