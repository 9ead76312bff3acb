"""The edge as data, for the gateway process and for a process that runs everything."""

from pathlib import Path

from microservices.chassis.operations import Empty, Operation
from microservices.chassis.specs import EdgeSpec
from microservices.gateway.forward import forward
from microservices.gateway.overview import Overviews
from microservices.gateway.routes import PREFIX, ROUTES

EDGE = EdgeSpec(
    name="gateway",
    routes=ROUTES,
    operations=(
        Operation(
            "get_overview",
            "GET",
            f"{PREFIX}/account/overview",
            Empty,
            Overviews.get_overview,
            "user",
        ),
    ),
    build=Overviews,
    peers=("users", "inventory", "payments", "orders"),
    forward=forward,
    document=Path(__file__).with_name("openapi.json"),
    index=Path(__file__).with_name("index.html"),
)
