"""What of the catalogue is sent and shown."""

from typing import Any

from rest_framework import serializers

from monolith.common.fields import StrictCharField, StrictIntegerField, StrictSerializer
from monolith.common.pagination import Sort, cursor_field, limit_field

SORTS = {
    "name": Sort("name", "name", str),
    "price": Sort("price", "price_cents", int),
    "-price": Sort("-price", "price_cents", int, descending=True),
}


class ProductFilterSerializer(StrictSerializer):
    q = StrictCharField(max_length=100, required=False)
    category = StrictCharField(max_length=64, required=False)
    sort = serializers.ChoiceField(list(SORTS), default="name")
    limit = limit_field()
    cursor = cursor_field()


class NewProductSerializer(StrictSerializer):
    sku = StrictCharField(max_length=64)
    name = StrictCharField(max_length=200)
    description = StrictCharField(max_length=2000, allow_blank=True)
    category = StrictCharField(max_length=64)
    price_cents = StrictIntegerField(min_value=1, max_value=10_000_000)
    quantity = StrictIntegerField(min_value=0, max_value=1_000_000)


class ProductChangesSerializer(StrictSerializer):
    name = StrictCharField(max_length=200, required=False)
    description = StrictCharField(max_length=2000, allow_blank=True, required=False)
    category = StrictCharField(max_length=64, required=False)
    price_cents = StrictIntegerField(min_value=1, max_value=10_000_000, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("At least one change is needed.")
        return attrs


class RestockSerializer(StrictSerializer):
    quantity = StrictIntegerField(min_value=1, max_value=1_000_000)


class ProductSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    sku = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    category = serializers.CharField()
    price_cents = serializers.IntegerField()
    available = serializers.IntegerField()
    version = serializers.IntegerField()


class StockSerializer(serializers.Serializer):
    product_id = serializers.UUIDField()
    available = serializers.IntegerField()
