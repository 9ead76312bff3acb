"""What of payments is sent and shown."""

from rest_framework import serializers

from monolith.common.fields import StrictIntegerField, StrictSerializer


class DepositSerializer(StrictSerializer):
    amount_cents = StrictIntegerField(min_value=1, max_value=100_000_000)


class WalletSerializer(serializers.Serializer):
    balance_cents = serializers.IntegerField()


class PaymentSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    amount_cents = serializers.IntegerField()
    status = serializers.CharField()
    created_at = serializers.DateTimeField()
