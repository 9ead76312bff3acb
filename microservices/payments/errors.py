"""The answers only payments gives."""

from microservices.chassis.errors import ApiError


class PaymentMismatch(ApiError):
    """An order came back with another payer or amount: a fault of the caller."""

    code, status, title = "payment_mismatch", 409, "Charged with other content"
