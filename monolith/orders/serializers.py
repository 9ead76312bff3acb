"""What of orders is sent and shown."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from monolith.common.fields import StrictIntegerField, StrictSerializer, StrictUUIDField
from monolith.common.pagination import Sort, cursor_field, limit_field

NEWEST_FIRST = Sort("-created_at", "created_at", datetime, descending=True, ids_descending=True)


class OrderFilterSerializer(StrictSerializer):
    limit = limit_field()
    cursor = cursor_field()


class NewLineSerializer(StrictSerializer):
    product_id = StrictUUIDField()
    quantity = StrictIntegerField(min_value=1, max_value=1000)


class NewOrderSerializer(StrictSerializer):
    items = NewLineSerializer(many=True, min_length=1, max_length=50)

    def validate_items(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each product once."""
        seen = set()
        for index, item in enumerate(items):
            if item["product_id"] in seen:
                raise serializers.ValidationError({index: {"product_id": ["This is repeated."]}})
            seen.add(item["product_id"])
        return items


class LineSerializer(serializers.Serializer):
    product_id = serializers.UUIDField()
    name = serializers.CharField()
    unit_price_cents = serializers.IntegerField()
    quantity = serializers.IntegerField()


class OrderSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    status = serializers.CharField()
    reason = serializers.CharField()
    items = LineSerializer(many=True)
    total_cents = serializers.IntegerField()
    payment_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
