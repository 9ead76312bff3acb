"""The public routes and who owns them."""

from microservices.chassis.specs import Route

PREFIX = "/api/v1"
_OWNED = {
    "users": (
        ("POST", "/users"),
        ("POST", "/auth/tokens"),
        ("GET", "/users/me"),
        ("GET", "/auth/jwks"),
    ),
    "inventory": (
        ("GET", "/products"),
        ("POST", "/products"),
        ("GET", "/products/{product_id}"),
        ("PATCH", "/products/{product_id}"),
        ("POST", "/products/{product_id}/restocks"),
    ),
    "payments": (
        ("GET", "/wallet"),
        ("POST", "/wallet/deposits"),
        ("GET", "/payments/{payment_id}"),
    ),
    "orders": (
        ("POST", "/orders"),
        ("GET", "/orders"),
        ("GET", "/orders/{order_id}"),
        ("POST", "/orders/{order_id}/cancellation"),
    ),
}
ROUTES = tuple(
    Route(method, PREFIX + path, component)
    for component, owned in _OWNED.items()
    for method, path in owned
)
