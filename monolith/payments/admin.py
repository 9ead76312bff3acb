"""Money in the admin site: looked at, never edited."""

from django.contrib import admin

from monolith.common.admin import ReadOnlyAdmin
from monolith.payments.models import Entry, Payment, Transfer, Wallet


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("user", "balance_cents")
    list_select_related = ("user",)
    search_fields = ("user__email",)


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "amount_cents", "status", "created_at")
    list_filter = ("status",)
    list_select_related = ("user",)


class EntryInline(admin.TabularInline):
    model = Entry
    extra = 0
    can_delete = False


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "order_id", "created_at")
    list_filter = ("kind",)
    inlines = (EntryInline,)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ("transfer", "account", "amount_cents")
    list_select_related = ("transfer",)
    search_fields = ("account",)
