"""Idempotency keys with their recorded answers; written only by `idempotency`."""

from django.db import models
from django.db.models.functions import Now


class IdempotencyKey(models.Model):
    pk = models.CompositePrimaryKey("user_id", "method", "path", "key")
    user_id = models.UUIDField()
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=128)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.SmallIntegerField()
    body = models.TextField()
    resource_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "idempotency_keys"
        constraints = [
            models.CheckConstraint(
                name="idempotency_keys_status",
                condition=models.Q(status__gte=200, status__lt=500),
            ),
            models.CheckConstraint(
                name="idempotency_keys_fingerprint",
                condition=models.Q(fingerprint__regex=r"^[0-9a-f]{64}$"),
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_keys_created_at")]
