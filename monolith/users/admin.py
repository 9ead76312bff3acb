"""Users in the admin site: staff may correct a name or make a colleague staff."""

from django.contrib import admin

from monolith.common.admin import ShopAdmin
from monolith.users.models import User


@admin.register(User)
class UserAdmin(ShopAdmin):
    list_display = ("email", "full_name", "staff", "created_at")
    list_filter = ("staff",)
    search_fields = ("email", "full_name")
    fields = ("email", "full_name", "staff", "created_at")
    readonly_fields = ("email", "created_at")
