"""The embedded driver: everything as processes of this machine, PostgreSQL from a Python wheel."""
