"""The monolith's command line: migrate, load_seed, expire_keys, and Django's own commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monolith.config.settings")
    # An operator's command is no request: creating an index or loading a seed may take its time,
    # and it needs one connection.
    os.environ["STATEMENT_TIMEOUT_MS"] = "0"
    os.environ["DATABASE_POOL_MAX"] = "1"
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line([sys.argv[0], *sys.argv[1:]])


if __name__ == "__main__":
    main()
