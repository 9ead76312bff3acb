"""A service's role cannot open another service's database, on one server or on four."""

import itertools
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from bench.deployments.base import COMPONENTS
from tests.integration.reliability.lab import Lab, RunningShop

PAIRS = list(itertools.permutations(COMPONENTS, 2))


@pytest.fixture(params=[pytest.param("modular", marks=pytest.mark.slow), "microservices"])
def services(lab: Lab, request: pytest.FixtureRequest) -> RunningShop:
    """A shop made of services; its data does not matter here."""
    return lab.shop(str(request.param))


def with_credentials_of(target: str, own: str) -> str:
    """Return `target`'s server and database with the role and password of `own`."""
    database, role = urlsplit(target), urlsplit(own)
    credentials = role.netloc.rpartition("@")[0]
    place = database.netloc.rpartition("@")[2]
    return urlunsplit(database._replace(netloc=f"{credentials}@{place}"))


@pytest.mark.parametrize(("own", "other"), PAIRS)
def test_a_role_cannot_open_another_components_database(
    services: RunningShop, own: str, other: str
) -> None:
    dsn = with_credentials_of(services.dsns[other], services.dsns[own])
    with pytest.raises(psycopg.OperationalError, match="permission denied|authentication failed"):
        psycopg.connect(dsn, connect_timeout=5)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_role_opens_its_own_database_without_being_a_superuser(
    services: RunningShop, component: str
) -> None:
    with psycopg.connect(services.dsns[component], connect_timeout=5) as connection:
        row = connection.execute("SELECT current_setting('is_superuser')").fetchone()
    assert row == ("off",)
