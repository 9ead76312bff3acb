"""What the bench changes in the compose file for its own deployments, and which it has."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.deployments.base import UpOptions
from bench.deployments.compose.layout import layout_of
from bench.deployments.compose.override import Place, override, variables
from bench.errors import ShopbenchError

DATABASES = ("db-users", "db-inventory", "db-orders", "db-payments")
SERVICES = ("users", "inventory", "orders", "payments")
PLACE = Place("x", Path("/state"), 25000, {name: 25001 + n for n, name in enumerate(DATABASES)})


def test_components_are_named_as_in_the_local_driver() -> None:
    assert layout_of("monolith").serving == {"monolith": "monolith"}
    assert layout_of("modular").serving == {"users+inventory+orders+payments": "modular"}
    assert list(layout_of("microservices").serving)[0] == "gateway"
    assert layout_of("microservices").databases["db:orders"] == "db-orders"


def test_a_cut_without_a_profile_is_refused_in_one_line() -> None:
    with pytest.raises(ShopbenchError, match="runs as processes only") as refused:
        layout_of("users+inventory|orders+payments")
    assert refused.value.exit_code == 2


def test_all_containers_share_the_cpus_without_a_quota() -> None:
    services = override(layout_of("microservices"), PLACE, UpOptions(cpus=(0, 2)))["services"]
    budgeted = {name for name, each in services.items() if each.get("cpuset") == "0,2"}
    assert budgeted == {"gateway", *SERVICES, *DATABASES, *(f"edge-{name}" for name in SERVICES)}
    assert all(services[name]["cpus"] == 0 for name in budgeted)


def test_every_container_carries_the_label_and_no_health_check() -> None:
    services = override(layout_of("microservices"), PLACE, UpOptions())["services"]
    assert len(services) == 1 + 4 + 4 + 5 + 4
    assert all(each["labels"] == {"shopbench.deployment": "x"} for each in services.values())
    once = {"setup", *(f"prepare-{name}" for name in SERVICES)}
    checks = {name: each.get("healthcheck") for name, each in services.items()}
    assert {name for name, check in checks.items() if check is None} == once
    assert all(checks[name] == {"interval": "24h"} for name in DATABASES)
    assert checks["gateway"] == checks["orders"] == {"test": ["NONE"]}


def test_databases_are_published_on_loopback_only() -> None:
    services = override(layout_of("microservices"), PLACE, UpOptions())["services"]
    assert services["db-users"]["ports"] == ["127.0.0.1:25001:5432"]


def test_faults_are_armed_in_a_folder_of_the_host_only_when_asked_for() -> None:
    plain = override(layout_of("microservices"), PLACE, UpOptions())["services"]["orders"]
    armed = override(layout_of("microservices"), PLACE, UpOptions(faults=True))["services"][
        "orders"
    ]
    assert "SHOP_FAULTS" not in plain["environment"]
    assert armed["environment"]["SHOP_FAULTS_DIR"] == "/faults"
    assert "/state/faults:/faults" in armed["volumes"]


def test_the_monolith_has_the_workers_that_gunicorn_advises() -> None:
    for cpus, workers in (((), "3"), ((0,), "3"), ((0, 1), "5")):
        found = variables(PLACE, replace(UpOptions(), cpus=cpus), "t")
        assert found["SHOP_WORKERS"] == workers
