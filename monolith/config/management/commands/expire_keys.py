"""`expire_keys`: delete idempotency keys that are older than the 24 hours they are kept."""

from typing import Any

from django.core.management.base import BaseCommand

from monolith.common.models import IdempotencyKey


class Command(BaseCommand):
    help = "Delete idempotency keys older than 24 hours; for a daily timer."

    def handle(self, *args: Any, **options: Any) -> None:
        deleted, _ = IdempotencyKey.objects.expired().delete()
        self.stdout.write(f"{deleted} keys deleted")
