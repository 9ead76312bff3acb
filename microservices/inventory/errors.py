"""The business answers only inventory gives."""

from microservices.chassis.errors import ApiError


class SkuTaken(ApiError):
    code, status, title, recorded = "sku_taken", 409, "SKU already taken", True


class ReservationMismatch(ApiError):
    """An order came back with other lines than it reserved: a fault of the caller."""

    code, status, title = "reservation_mismatch", 409, "Reserved with other lines"
