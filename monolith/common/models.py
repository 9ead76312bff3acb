"""Idempotency keys with their recorded answers; written only by `idempotency`."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

KEPT = timedelta(hours=24)


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    def kept(self) -> "IdempotencyKeyQuerySet":
        return self.filter(created_at__gt=Now() - KEPT)

    def expired(self) -> "IdempotencyKeyQuerySet":
        return self.filter(created_at__lte=Now() - KEPT)

    def record(self, key: "IdempotencyKey") -> None:
        """Store a key, in the place of one that has expired."""
        self.bulk_create(
            [key],
            update_conflicts=True,
            unique_fields=["user_id", "method", "path", "key"],
            update_fields=["fingerprint", "status", "body", "resource_id", "created_at"],
        )


class IdempotencyKey(models.Model):
    pk = models.CompositePrimaryKey("user_id", "method", "path", "key")
    user_id = models.UUIDField()
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=128)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.SmallIntegerField()
    # Text: a jsonb would not keep the order of the members, and a replay is the same bytes.
    body = models.TextField()
    resource_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = IdempotencyKeyQuerySet.as_manager()

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
