"""Inventory: the catalogue and its stock."""
