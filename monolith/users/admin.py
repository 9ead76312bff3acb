"""Users in the admin site: staff may correct a name or make a colleague staff."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from monolith.users.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ("email", "full_name", "staff", "created_at")
    list_filter = ("staff",)
    search_fields = ("email", "full_name")
    fields = ("email", "full_name", "staff", "created_at")
    readonly_fields = ("email", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
