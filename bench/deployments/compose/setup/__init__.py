"""The container of a first start: secrets and seed."""
