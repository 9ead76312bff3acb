"""The overview as it is shown: each part as the app that owns it shows it."""

from rest_framework import serializers

from monolith.inventory.serializers import ProductSerializer
from monolith.orders.serializers import OrderSerializer
from monolith.payments.serializers import WalletSerializer
from monolith.users.serializers import UserSerializer


class OverviewSerializer(serializers.Serializer):
    user = UserSerializer()
    wallet = WalletSerializer()
    recent_orders = OrderSerializer(many=True)
    recommended = ProductSerializer(many=True)
    degraded = serializers.ListField(child=serializers.CharField())
