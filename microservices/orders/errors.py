"""The business answers only orders gives."""

from microservices.chassis.errors import ApiError


class InsufficientFunds(ApiError):
    code, status, title, recorded = "insufficient_funds", 402, "Insufficient funds", True


class OutOfStock(ApiError):
    code, status, title, recorded = "out_of_stock", 409, "Out of stock", True


class NotCancellable(ApiError):
    code, status, title, recorded = "not_cancellable", 409, "Order not cancellable", True


class UnknownProduct(ApiError):
    code, status, title, recorded = "unknown_product", 422, "Unknown product", True
