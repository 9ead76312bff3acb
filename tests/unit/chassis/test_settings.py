"""Settings: defaults, one clear line for what is missing or malformed, every field documented."""

import msgspec
import pytest

from microservices.chassis.settings import Settings, load
from microservices.users.settings import UsersSettings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load(Settings, {})
    assert (settings.deadline_ms, settings.pool_max, settings.resilient) == (3000.0, 4, True)


def test_values_are_read_from_their_variables() -> None:
    environ = {"SHOP_BIND": "[::1]:81", "RESILIENCE": "off", "SHOP_FAULTS": "1"}
    settings = load(Settings, environ)
    assert settings.address == ("::1", 81)
    assert not settings.resilient
    assert settings.faults


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"DATABASE_POOL_MAX": "many"}, "DATABASE_POOL_MAX"),
        ({"DATABASE_POOL_MAX": "0"}, "DATABASE_POOL_MAX"),
        ({"RESILIENCE": "maybe"}, "RESILIENCE"),
        ({"DRAIN_SECONDS": "-1"}, "DRAIN_SECONDS"),
    ],
)
def test_a_malformed_setting_ends_the_process_with_one_line(
    environ: dict[str, str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        load(Settings, environ)
    lines = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"error: setting {name} is malformed: ")


def test_a_missing_setting_ends_the_process_with_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        load(UsersSettings, {"SIGNING_KEY_FILE": ""})
    assert capsys.readouterr().err == "error: setting SIGNING_KEY_FILE is missing\n"


@pytest.mark.parametrize("bind", ["8000", "host:", "host:http", ":80"])
def test_a_malformed_address_ends_the_process(bind: str) -> None:
    with pytest.raises(SystemExit):
        _ = load(Settings, {"SHOP_BIND": bind}).address


@pytest.mark.parametrize("kind", [Settings, UsersSettings])
def test_every_setting_is_documented(kind: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(kind):
        assert f"`{field.encode_name}`" in (kind.__doc__ or "")
