"""Inventory in the admin site: products are edited, stock is only looked at."""

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from monolith.common.admin import ReadOnlyAdmin, ShopAdmin
from monolith.inventory import services
from monolith.inventory.models import Product, Stock


@admin.register(Product)
class ProductAdmin(ShopAdmin):
    list_display = ("sku", "name", "category", "price_cents", "version")
    list_filter = ("category",)
    search_fields = ("sku", "name")
    fields = ("sku", "name", "description", "category", "price_cents", "version")
    readonly_fields = ("sku", "version")

    def save_model(self, request: HttpRequest, obj: Product, form: ModelForm, change: bool) -> None:
        """Through the service, so that the version moves as it does for the API."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            services.product_update(product_id=obj.pk, **changes)


@admin.register(Stock)
class StockAdmin(ReadOnlyAdmin):
    list_display = ("product", "initial", "restocked", "sold")
    list_select_related = ("product",)
    search_fields = ("product__sku", "product__name")
