"""Orders in the admin site: looked at, never edited."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from monolith.common.admin import ReadOnlyAdmin
from monolith.orders.models import Order


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "status", "reason", "total_cents", "created_at")
    list_filter = ("status", "reason")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    readonly_fields = ("what_was_ordered",)

    @admin.display(description="lines")
    def what_was_ordered(self, order: Order) -> SafeString:
        lines = order.lines.order_by("position")
        return format_html_join(
            "",
            "<div>{} × {} at {} cents</div>",
            ((line.quantity, line.name, line.unit_price_cents) for line in lines),
        )
