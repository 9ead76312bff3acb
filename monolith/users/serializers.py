"""What users send and are shown."""

from rest_framework import serializers

from monolith.common.fields import StrictCharField, StrictEmailField, StrictSerializer


class CredentialsSerializer(StrictSerializer):
    email = StrictEmailField()
    password = StrictCharField(min_length=8, max_length=128)


class RegistrationSerializer(CredentialsSerializer):
    full_name = StrictCharField(max_length=200)


class UserSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    email = serializers.CharField()
    full_name = serializers.CharField()
    created_at = serializers.DateTimeField()
