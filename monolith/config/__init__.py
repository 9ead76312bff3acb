"""Composition root: environment, Django settings, routes, entry points, operator's commands."""
