"""`fault_points`: the names of all fault points, one a line."""

from typing import Any

from django.core.management.base import BaseCommand

from monolith.common.faults import OPERATION_POINTS, POINTS


class Command(BaseCommand):
    help = "List the fault points that SHOP_FAULTS=1 arms."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join((*POINTS, *OPERATION_POINTS)))
