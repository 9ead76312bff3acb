"""The environment: what is missing or malformed is one clear line; what counts for all workers."""

import pytest

from monolith.config.env import Environment, SettingError, load_or_exit

URL = "postgresql://shop:p%40ss@127.0.0.1:5433/shop?sslmode=require"


@pytest.mark.parametrize(("workers", "pool"), [("1", 16), ("3", 5)])
def test_what_counts_for_all_workers_does_not_depend_on_their_number(
    workers: str, pool: int
) -> None:
    environment = Environment({"DATABASE_URL": URL, "GUNICORN_WORKERS": workers})
    assert environment.pool_size == pool
    assert environment.pool_size * int(workers) + environment.pool_left_over == 16
    assert (environment.admitted, environment.admitted_of_component) == (48, 24)
    assert environment.threads > environment.admitted  # all of them may come to one worker
    assert environment.password_threads >= 1


def test_defaults_keep_the_shop_safe() -> None:
    environment = Environment({"DATABASE_URL": URL, "SHOP_FAULTS_DIR": ""})
    assert environment.resilience
    assert not environment.faults
    assert environment.workers % 2 == 1


def test_the_database_url_is_taken_apart() -> None:
    database = Environment({"DATABASE_URL": URL}).database
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("127.0.0.1", 5433, "shop")
    assert (database["USER"], database["PASSWORD"]) == ("shop", "p@ss")
    assert database["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://a/b"),
        ("DATABASE_URL", "postgresql://host"),
        ("DATABASE_POOL_MAX", "0"),
        ("DATABASE_POOL_MAX", "many"),
        ("RESILIENCE", "maybe"),
        ("DRAIN_SECONDS", "-1"),
        ("LOG_LEVEL", "loud"),
        ("SHOP_FAULTS", "1"),
        ("SHOP_FAULTS", "yes"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        Environment({"DATABASE_URL": URL, name: value})


def test_a_missing_setting_ends_the_process_with_one_line() -> None:
    with pytest.raises(SystemExit) as end:
        load_or_exit({})
    assert end.value.code == "error: DATABASE_URL is missing"
