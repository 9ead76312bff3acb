"""Settings from the environment, read once at start into frozen structs.

A setting that is missing or malformed ends the process with one clear line. Components that need
settings of their own declare a struct of the same kind and read it with `load`.
"""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Literal, NoReturn, TypeVar

import msgspec
from msgspec import Meta, Struct, field

S = TypeVar("S", bound=Struct)
_Positive = Annotated[float, Meta(gt=0)]


class Settings(Struct, frozen=True, kw_only=True):
    """Settings of every service process.

    - `SHOP_BIND`: `host:port` to listen on (default 127.0.0.1:8000; needed by `serve` only).
    - `SHOP_DEADLINE_MS`: the deadline of a request at the edge, in milliseconds (3000).
    - `STATEMENT_TIMEOUT_MS`: PostgreSQL's statement_timeout of each connection (2500).
    - `DATABASE_POOL_MAX`: connections in the pool of each component, all open from the start (4).
    - `DATABASE_POOL_WAITING`: requests that may wait for a connection of one pool (128).
    - `DATABASE_POOL_TIMEOUT_MS`: how long one waits for it; then 503 (1000).
    - `EDGE_CONCURRENCY`: requests served at once by the edge; more are answered 503 `overloaded`
      (48: three times the deployment's pooled connections).
    - `COMPONENT_CONCURRENCY`: of these, requests to any one component (24).
    - `PEER_CONCURRENCY`: calls under way to one peer: the bulkhead and the client's connection
      limit (128).
    - `RESILIENCE`: `on` (default) or `off`: retries, breaker, bulkhead and shedding.
    - `SHOP_FAULTS`: `1` arms the fault points; `SHOP_FAULTS_DIR`: the folder of the armed faults.
    - `SHOP_BROKEN_RELEASE`: `1` makes a release that never gets ready, to be rolled out in vain.
    - `SHOP_PLANTED`: extra work of some routes, for the benchmark's test of itself: `planted.Plan`
      as JSON.
    - `DRAIN_SECONDS`: wait between readiness off and closing the listener (0.2).
    - `LOG_LEVEL`: lowest level that is logged (`warning`).
    - `SERVICE_KEY_FILE`: PEM file with this process's private ES256 key, which signs its service
      tokens; needed when a peer runs in another process.
    - `SERVICE_JWKS_FILE`: JWK set with the public keys of all processes; without it every internal
      operation answers 401.
    - `<COMPONENT>_DATABASE_URL`: `postgresql://role:password@host:port/db` of a hosted component.
    - `<COMPONENT>_URL`: base URL of a component in another process; several, parted by commas, are
      endpoints of the same component: the next is taken when one refuses a connection.
    """

    bind: str = field(name="SHOP_BIND", default="127.0.0.1:8000")
    deadline_ms: _Positive = field(name="SHOP_DEADLINE_MS", default=3000.0)
    statement_timeout_ms: Annotated[int, Meta(ge=1)] = field(
        name="STATEMENT_TIMEOUT_MS", default=2500
    )
    pool_max: Annotated[int, Meta(ge=1)] = field(name="DATABASE_POOL_MAX", default=4)
    pool_waiting: Annotated[int, Meta(ge=1)] = field(name="DATABASE_POOL_WAITING", default=128)
    pool_timeout_ms: _Positive = field(name="DATABASE_POOL_TIMEOUT_MS", default=1000.0)
    edge_concurrency: Annotated[int, Meta(ge=1)] = field(name="EDGE_CONCURRENCY", default=48)
    component_concurrency: Annotated[int, Meta(ge=1)] = field(
        name="COMPONENT_CONCURRENCY", default=24
    )
    peer_concurrency: Annotated[int, Meta(ge=1)] = field(name="PEER_CONCURRENCY", default=128)
    resilience: Literal["on", "off"] = field(name="RESILIENCE", default="on")
    faults: bool = field(name="SHOP_FAULTS", default=False)
    faults_dir: str | None = field(name="SHOP_FAULTS_DIR", default=None)
    broken_release: bool = field(name="SHOP_BROKEN_RELEASE", default=False)
    planted: str = field(name="SHOP_PLANTED", default="")
    drain_seconds: Annotated[float, Meta(ge=0)] = field(name="DRAIN_SECONDS", default=0.2)
    log_level: Literal["debug", "info", "warning", "error", "critical"] = field(
        name="LOG_LEVEL", default="warning"
    )
    service_key_file: str | None = field(name="SERVICE_KEY_FILE", default=None)
    service_jwks_file: str | None = field(name="SERVICE_JWKS_FILE", default=None)

    @property
    def resilient(self) -> bool:
        return self.resilience == "on"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `SHOP_BIND`."""
        host, _, port = self.bind.rpartition(":")
        if not host or not port.isdecimal():
            stop(f"setting SHOP_BIND is not host:port: {self.bind!r}")
        return host.strip("[]"), int(port)


def stop(line: str) -> NoReturn:
    """Ends the process with one line on stderr."""
    print(f"error: {line}", file=sys.stderr)
    raise SystemExit(1)


def load(kind: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Reads a settings struct; an empty value counts as missing.

    Args:
        kind: A frozen struct whose fields are named like the variables.
        environ: Where to read; the process's environment by default.
    """
    source = os.environ if environ is None else environ
    names = [each.encode_name for each in msgspec.structs.fields(kind)]
    values = {name: source[name] for name in names if source.get(name)}
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        text = str(error)
        if "missing required field" in text:
            stop(f"setting {text.split('`')[1]} is missing")
        reason, _, place = text.rpartition(" - at ")
        stop(f"setting {place.strip('`').removeprefix('$.')} is malformed: {reason}")


def required(environ: Mapping[str, str], name: str) -> str:
    """The value of one variable, or the end of the process."""
    value = environ.get(name)
    if not value:
        stop(f"setting {name} is missing")
    return value
