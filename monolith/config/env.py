"""Every setting the monolith reads from its environment, in one frozen object.

A setting that is missing or malformed ends the process with one clear line.

- `DATABASE_URL` (required): `postgresql://role:password@host:port/database`; a query string is
  handed to libpq (`?sslmode=require`).
- `SHOP_BIND` (127.0.0.1:8000): `host:port` to listen on.
- `DATABASE_POOL_MAX` (16): database connections of each worker process.
- `DATABASE_POOL_TIMEOUT_MS` (500): how long a request waits for one of them; then 503.
- `GUNICORN_WORKERS` (1), `GUNICORN_THREADS` (4 x pool): more threads than connections, so that a
  request can wait for a connection, and be shed, instead of queueing unseen.
- `SIGNING_KEY_FILE` (required to serve): PEM with the private P-256 key that signs user tokens.
- `TOKEN_TTL_SECONDS` (3600): life of a user token.
- `SHOP_DEADLINE_MS` (3000): a request that is not done by then is answered 504.
- `STATEMENT_TIMEOUT_MS` (2500): the longest one SQL statement may run; 0 for no limit.
- `RESILIENCE` (on): `off` switches load shedding off.
- `SHOP_FAULTS` (0), `SHOP_FAULTS_DIR`: `1` arms the fault points, read from that directory.
- `SHOP_BROKEN_RELEASE` (0): `1` makes a release that never gets ready, to be rolled out in vain.
- `DRAIN_SECONDS` (0.2): wait between readiness off and closing the listener.
- `ADMIN_HOSTS` (localhost,127.0.0.1): host names that staff may use for the admin site.
- `LOG_LEVEL` (warning).
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


class SettingError(Exception):
    """A setting of the environment is missing or malformed."""


@dataclass(frozen=True)
class Database:
    host: str
    port: int
    name: str
    user: str
    password: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Environment:
    database: Database
    bind: str
    database_pool_max: int
    database_pool_timeout_ms: int
    gunicorn_workers: int
    gunicorn_threads: int
    signing_key_file: Path | None
    token_ttl_seconds: int
    deadline_ms: int
    statement_timeout_ms: int
    resilience: bool
    faults: bool
    faults_dir: Path | None
    broken_release: bool
    drain_seconds: float
    admin_hosts: tuple[str, ...]
    log_level: str


def load_environment(environ: Mapping[str, str]) -> Environment:
    """Read and check every setting. Raises SettingError with one line."""
    read = _Reader(environ)
    pool_max = read("DATABASE_POOL_MAX", _number(1), "16")
    environment = Environment(
        database=read("DATABASE_URL", _database),
        bind=read("SHOP_BIND", _bind, "127.0.0.1:8000"),
        database_pool_max=pool_max,
        database_pool_timeout_ms=read("DATABASE_POOL_TIMEOUT_MS", _number(1), "500"),
        gunicorn_workers=read("GUNICORN_WORKERS", _number(1), "1"),
        gunicorn_threads=read("GUNICORN_THREADS", _number(1), str(4 * pool_max)),
        signing_key_file=read("SIGNING_KEY_FILE", _path, ""),
        token_ttl_seconds=read("TOKEN_TTL_SECONDS", _number(1), "3600"),
        deadline_ms=read("SHOP_DEADLINE_MS", _number(1), "3000"),
        statement_timeout_ms=read("STATEMENT_TIMEOUT_MS", _number(0), "2500"),
        resilience=read("RESILIENCE", _choice({"on": True, "off": False}), "on"),
        faults=read("SHOP_FAULTS", _choice({"1": True, "0": False, "": False}), "0"),
        faults_dir=read("SHOP_FAULTS_DIR", _path, ""),
        broken_release=read("SHOP_BROKEN_RELEASE", _choice({"1": True, "0": False}), "0"),
        drain_seconds=read("DRAIN_SECONDS", _seconds, "0.2"),
        admin_hosts=read("ADMIN_HOSTS", _names, "localhost,127.0.0.1"),
        log_level=read("LOG_LEVEL", _log_level, "warning"),
    )
    if environment.faults and environment.faults_dir is None:
        raise SettingError("SHOP_FAULTS_DIR is missing (SHOP_FAULTS is 1)")
    return environment


def load_or_exit(environ: Mapping[str, str]) -> Environment:
    """`load_environment`, or end the process with one line."""
    try:
        return load_environment(environ)
    except SettingError as error:
        sys.exit(f"error: {error}")


def require_signing_key(environment: Environment) -> Path:
    """The key file that serving needs, or end the process with one line."""
    if environment.signing_key_file is None:
        sys.exit("error: SIGNING_KEY_FILE is missing")
    if not environment.signing_key_file.is_file():
        sys.exit(f"error: SIGNING_KEY_FILE: no such file: {environment.signing_key_file}")
    return environment.signing_key_file


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def __call__(self, name: str, parse: Callable[[str], Any], default: str | None = None) -> Any:
        raw = self.environ.get(name) or default
        if raw is None:
            raise SettingError(f"{name} is missing")
        try:
            return parse(raw)
        except ValueError as error:
            raise SettingError(f"{name} is malformed: {error}") from None


def _number(minimum: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not (raw.isascii() and raw.isdigit()) or int(raw) < minimum:
            raise ValueError(f"not a whole number of at least {minimum}: {raw!r}")
        return int(raw)

    return parse


def _seconds(raw: str) -> float:
    value = float(raw)
    if not 0 <= value <= 600:
        raise ValueError(f"not between 0 and 600: {raw!r}")
    return value


def _choice(choices: Mapping[str, bool]) -> Callable[[str], bool]:
    def parse(raw: str) -> bool:
        if raw not in choices:
            raise ValueError(f"not one of {', '.join(filter(None, choices))}: {raw!r}")
        return choices[raw]

    return parse


def _path(raw: str) -> Path | None:
    return Path(raw) if raw else None


def _names(raw: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in raw.split(",") if name.strip())


def _log_level(raw: str) -> str:
    if raw.lower() not in {"debug", "info", "warning", "error", "critical"}:
        raise ValueError(f"not a log level: {raw!r}")
    return raw.upper()


def _bind(raw: str) -> str:
    host, colon, port = raw.rpartition(":")
    if not (host and colon and port.isdigit() and int(port) < 65_536):
        raise ValueError(f"not host:port: {raw!r}")
    return raw


def _database(raw: str) -> Database:
    url = urlsplit(raw)
    if url.scheme not in {"postgresql", "postgres"} or not url.hostname or len(url.path) < 2:
        raise ValueError("not postgresql://role:password@host:port/database")
    return Database(
        host=url.hostname,
        port=url.port or 5432,
        name=unquote(url.path[1:]),
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        options=dict(parse_qsl(url.query)),
    )
