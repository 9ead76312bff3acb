"""What the monolith reads from its environment; README's table says what each setting means.

A setting that is missing or malformed ends the process with one clear line. Those 'in all' do not
depend on how many worker processes there are: they share them, or have a share each.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_SWITCH = {"1": True, "0": False}
# Threads of a worker beyond the places, all of which may be its own: they tell those who get none.
_THREADS_THAT_REFUSE = 4


class SettingError(Exception):
    """A setting of the environment is missing or malformed."""


class Env(environ.Env):
    """django-environ with errors that name the setting; an empty value counts as left out."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__()
        self.ENVIRON = {name: value for name, value in given.items() if value}

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        try:
            return super().get_value(var, *args, **options)
        except ImproperlyConfigured:
            raise SettingError(f"{var} is missing") from None
        except (ValueError, KeyError) as error:
            raise SettingError(f"{var} is malformed: {error}") from None


class Environment:
    """Every setting, read and checked. Raises SettingError with one line."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        env = Env(environ)
        self.database = env("DATABASE_URL", _database)
        self.bind = env("SHOP_BIND", default="127.0.0.1:8000")
        self.workers = env("GUNICORN_WORKERS", _from(1), 2 * (os.cpu_count() or 1) + 1)
        # In all: requests admitted at once, those of one component, connections, hashes at work.
        self.admitted = env("EDGE_CONCURRENCY", _from(1), 48)
        self.admitted_of_component = env("COMPONENT_CONCURRENCY", _from(1), 24)
        connections = env("DATABASE_POOL_MAX", _from(1), 16)
        self.pool_size = self._share(connections)
        self.pool_left_over = max(0, connections - self.workers * self.pool_size)
        self.password_threads = self._share(env("PASSWORD_THREADS", _from(1), 2))
        # Of each worker.
        threads = self.admitted + _THREADS_THAT_REFUSE
        self.threads = env("GUNICORN_THREADS", _from(1), threads)
        self.pool_timeout_seconds = env("DATABASE_POOL_TIMEOUT_MS", _from(1), 1000) / 1000
        self.signing_key_file = env("SIGNING_KEY_FILE", Path, None)
        self.token_ttl_seconds = env("TOKEN_TTL_SECONDS", _from(1), 3600)
        self.deadline_seconds = env("SHOP_DEADLINE_MS", _from(1), 3000) / 1000
        self.statement_timeout_ms = env("STATEMENT_TIMEOUT_MS", _from(0), 2500)
        self.resilience = env("RESILIENCE", {"on": True, "off": False}.__getitem__, True)
        self.faults = env("SHOP_FAULTS", _SWITCH.__getitem__, False)
        self.faults_dir = env("SHOP_FAULTS_DIR", Path, None)
        self.broken_release = env("SHOP_BROKEN_RELEASE", _SWITCH.__getitem__, False)
        self.drain_seconds = env("DRAIN_SECONDS", _from(0, float), 0.2)
        self.admin_hosts = env.list("ADMIN_HOSTS", default=["localhost", "127.0.0.1"])
        self.log_level = env("LOG_LEVEL", _log_level, "WARNING")
        if self.faults and self.faults_dir is None:
            raise SettingError("SHOP_FAULTS_DIR is missing (SHOP_FAULTS is 1)")

    def _share(self, total: int) -> int:
        """What one worker process has of a number that counts for all."""
        return max(1, total // self.workers)


def load_or_exit(environ: Mapping[str, str]) -> Environment:
    """The environment, or end the process with one line."""
    try:
        return Environment(environ)
    except SettingError as error:
        sys.exit(f"error: {error}")


def require_signing_key(environment: Environment) -> Path:
    """The key file that serving needs, or end the process with one line."""
    key_file: Path | None = environment.signing_key_file
    if key_file is None:
        sys.exit("error: SIGNING_KEY_FILE is missing")
    if not key_file.is_file():
        sys.exit(f"error: SIGNING_KEY_FILE: no such file: {key_file}")
    return key_file


def _from(minimum: int, kind: type[int] | type[float] = int) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        if kind(raw) < minimum:
            raise ValueError(f"less than {minimum}: {raw!r}")
        return kind(raw)

    return parse


def _log_level(raw: str) -> str:
    if raw.lower() not in {"debug", "info", "warning", "error", "critical"}:
        raise ValueError(f"not a log level: {raw!r}")
    return raw.upper()


def _database(raw: str) -> dict[str, Any]:
    found: dict[str, Any] = environ.Env.db_url_config(raw)
    right = found.get("ENGINE") == environ.Env.DB_SCHEMES["postgresql"]
    if not (right and found["HOST"] and found["NAME"]):
        raise ValueError("not postgresql://role:password@host:port/database")
    return found
