"""The answers that only users gives."""

from microservices.chassis.errors import ApiError


class EmailTaken(ApiError):
    code, status, title, recorded = "email_taken", 409, "Email already taken", True


class InvalidCredentials(ApiError):
    code, status, title = "invalid_credentials", 401, "Invalid credentials"
