"""The environment: what is missing or malformed is one clear line."""

from pathlib import Path

import pytest

from monolith.config.env import SettingError, load_environment, load_or_exit

URL = "postgresql://shop:p%40ss@127.0.0.1:5433/shop?sslmode=require"


def test_defaults_follow_the_pool() -> None:
    environment = load_environment({"DATABASE_URL": URL, "DATABASE_POOL_MAX": "5"})
    assert (environment.gunicorn_workers, environment.gunicorn_threads) == (1, 20)
    assert environment.resilience
    assert not environment.faults


def test_the_database_url_is_taken_apart() -> None:
    database = load_environment({"DATABASE_URL": URL}).database
    assert (database.host, database.port, database.name) == ("127.0.0.1", 5433, "shop")
    assert (database.user, database.password) == ("shop", "p@ss")
    assert database.options == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://a/b"),
        ("DATABASE_URL", "postgresql://host"),
        ("DATABASE_POOL_MAX", "0"),
        ("DATABASE_POOL_MAX", "many"),
        ("SHOP_BIND", "8000"),
        ("RESILIENCE", "maybe"),
        ("DRAIN_SECONDS", "-1"),
        ("LOG_LEVEL", "loud"),
        ("SHOP_FAULTS", "1"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        load_environment({"DATABASE_URL": URL, name: value})


def test_a_missing_setting_ends_the_process_with_one_line() -> None:
    with pytest.raises(SystemExit) as end:
        load_or_exit({})
    assert end.value.code == "error: DATABASE_URL is missing"


def test_every_setting_is_documented_where_it_is_read() -> None:
    source = Path(load_environment.__code__.co_filename).read_text(encoding="utf-8")
    documentation, code = source.split('"""', 2)[1:]
    named = [word for word in code.split('"') if word.isupper() and "_" in word]
    assert named
    assert all(f"`{name}`" in documentation for name in named if name != "SETTING")
