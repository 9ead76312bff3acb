"""Deployments in containers: the driver behind `--on compose`, and what docker-compose.yml runs."""
