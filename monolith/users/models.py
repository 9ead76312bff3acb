"""The user, customer or staff."""

import uuid
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Now


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, password: str, full_name: str) -> "User":
        user = self.model(email=email, full_name=full_name)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.CharField(max_length=254)
    password = models.CharField(max_length=255, db_column="password_hash")
    full_name = models.CharField(max_length=200)
    staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_login = None

    USERNAME_FIELD = "email"
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints = [
            # Not `unique=True`: that makes a second index, for LIKE, which nobody asks.
            models.UniqueConstraint(name="users_email_unique", fields=["email"]),
            models.CheckConstraint(
                name="users_email",
                condition=models.Q(email__regex=r"^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$"),
            ),
            models.CheckConstraint(
                name="users_password_is_argon2id",
                condition=models.Q(password__startswith="argon2$argon2id$"),
            ),
            models.CheckConstraint(
                name="users_full_name", condition=models.Q(full_name__regex=r"[^[:space:]]")
            ),
        ]

    def __str__(self) -> str:
        return self.email

    # What Django's admin site asks of a user.
    @property
    def is_staff(self) -> bool:
        return self.staff

    def has_perm(self, permission: str, obj: Any = None) -> bool:
        return self.staff

    def has_module_perms(self, label: str) -> bool:
        return self.staff
