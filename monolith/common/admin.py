"""What every page of the admin site has in common, and what staff may only look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ShopAdmin(admin.ModelAdmin):
    """Nothing is added or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only the filters that the page shows.

        Django allows every field of the model's own, with which a hash can be guessed letter by
        letter: `?password__startswith=`.
        """
        field, _, how = lookup.partition("__")
        return field in self.get_list_filter(request) and how in {"", "exact", "isnull"}


class ReadOnlyAdmin(ShopAdmin):
    """Orders, money, stock."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
