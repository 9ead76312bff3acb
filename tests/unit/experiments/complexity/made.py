"""A small counted shop: one deployable against a gateway and two services."""

from dataclasses import replace

from bench.experiments.complexity.records import (
    AloneTry,
    Counted,
    DatabaseTry,
    Deployable,
    Machinery,
    OperationCalls,
    Running,
)

SHARED = {"shared/chassis.py": 500}
FAULTS = ("orders.place.before_commit", "orders.operation")


def deployable(
    name: str, arm: str, lines: dict[str, int], routes: int, *, edge: bool
) -> Deployable:
    return Deployable(
        deployment=arm,
        name=name,
        lines=lines,
        routes=("GET /live", *(f"GET /api/{number}" for number in range(routes))),
        settings=("SHOP_BIND", f"{name.upper()}_DATABASE_URL"),
        migrations=(f"{name}/0001.sql",),
        fault_points=FAULTS,
        edge=edge,
    )


def machinery(arm: str, services: tuple[str, ...], dependencies: tuple[str, ...]) -> Machinery:
    return Machinery(
        deployment=arm,
        services=services,
        images=services,
        dependencies=dependencies,
        settings=tuple(f"{name} SHOP_BIND" for name in services),
        secrets=(),
        volumes=("secrets",),
        networks=("default",),
        ports=("8000",),
        lines=10,
        dockerfile_lines=5,
    )


def running(arm: str, processes: tuple[str, ...], servers: tuple[str, ...]) -> Running:
    count = len(servers)
    ports = len(processes) + count
    return Running(arm, processes, servers, count, count, ports, len(processes), ("crash",))


def calls(arm: str, **passed: float) -> OperationCalls:
    hops = {name.replace("db_", "db:"): count for name, count in passed.items()}
    return OperationCalls(arm, "order", 20, 0, hops, 1000.0, 3.0, 1.0)


def tries(arm: str, kind: str, outcomes: dict[str, str]) -> list[AloneTry]:
    return [
        AloneTry(arm, unit, kind, 0, stands, "asked" if stands == "yes" else "built", 3,
                 "" if stands == "yes" else "ModuleNotFoundError: No module named 'x'")
        for unit, stands in outcomes.items()
    ]  # fmt: skip


def counted() -> Counted:
    """Sound: every service stands alone, nobody opens another's database."""
    services = ("gateway", "orders", "payments")
    lines = {"gateway": 100, "orders": 300, "payments": 200}
    return Counted(
        deployables=(
            deployable("monolith", "monolith", {"monolith/all.py": 900}, 17, edge=True),
            *(
                deployable(
                    name, "microservices", {f"{name}/app.py": lines[name], **SHARED},
                    17 if name == "gateway" else 4, edge=name == "gateway",
                )
                for name in services
            ),
        ),
        machinery=(
            machinery("monolith", ("monolith",), ("monolith -> db",)),
            machinery("microservices", services, ("orders -> db", "gateway -> orders")),
        ),
        running=(
            running("monolith", ("monolith",), ("db:shop",)),
            running("microservices", services, ("db:orders", "db:payments")),
        ),
        calls=(
            calls("monolith", db_shop=15.0),
            calls("microservices", orders=1.0, db_orders=2.5),
        ),
        databases=tuple(
            DatabaseTry("microservices", 0, own, other, "no", "authentication failed")
            for own, other in (("orders", "payments"), ("payments", "orders"))
        ),
        alone=tuple(
            tries("monolith", "deployable", {"monolith": "yes"})
            + tries("monolith", "part", {"orders": "no", "payments": "no"})
            + tries("microservices", "deployable", dict.fromkeys(services, "yes"))
        ),
        requests=20,
    )  # fmt: skip


def with_outcome(found: Counted, unit: str, *outcomes: str) -> Counted:
    """The same with other outcomes of one service's tries."""
    others = [
        each for each in found.alone if (each.deployment, each.unit) != ("microservices", unit)
    ]
    more = [one for each in outcomes for one in tries("microservices", "deployable", {unit: each})]
    return replace(found, alone=(*others, *more))
