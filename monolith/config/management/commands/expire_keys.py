"""`expire_keys`: delete idempotency keys that are older than the 24 hours they are kept."""

from typing import Any

from django.core.management.base import BaseCommand

from monolith.common.idempotency import expire_keys


class Command(BaseCommand):
    help = "Delete idempotency keys older than 24 hours; for a daily timer."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{expire_keys()} keys deleted")
