"""What is asked of services of the user's own: the options of `run latency --url`, checked.

Neighbour: `services` knows the services themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from bench.engine.options import RunOptions
from bench.errors import ShopbenchError

DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_USERS = 400  # of a locustfile: each may hold a connection; descriptors stay below 900
_NAMED = re.compile(r"^(?P<name>[A-Za-z][A-Za-z0-9_-]{0,23})=(?P<rest>.+)$")
_HOST_NAME = re.compile(r"^[A-Za-z0-9.-]+(:\d{1,5})?$")

LoadKind = Literal["turns", "open"]
DEFAULT_USERS = 16


@dataclass(frozen=True)
class PairOptions:
    """Servers of the user's own, the baseline first. Pairs of (name, value).

    `locustfile`: "" for plain requests of the URL. `load`: turns (paired visits), or open: Poisson
    arrivals at `rate` requests a second. `arguments`: the locustfile's own. `restarts`: the
    commands that start the services afresh.
    """

    urls: tuple[tuple[str, str], ...]
    locustfile: str = ""
    pids: tuple[tuple[str, int], ...] = ()
    rate: float | None = None
    load: LoadKind = "turns"
    users: int = DEFAULT_USERS
    host_headers: tuple[tuple[str, str], ...] = ()
    restarts: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()


_LOADS: tuple[LoadKind, ...] = ("turns", "open")
_KEYS = ("locustfile", "pid", "rate", "load", "users", "host_header", "restart", "arguments")


def pair_of(options: RunOptions) -> PairOptions:
    """Read the options. Raises ShopbenchError (usage) with what is wrong."""
    own = options.own
    urls = own.get("url") or ()
    if not urls:
        given = next(key for key in _KEYS if own.get(key))
        flag = "--" if given == "arguments" else f"--{given.replace('_', '-')}"
        raise ShopbenchError(f"{flag} needs two --url name=http://…", 2)
    named = dict(_checked_url(*each) for each in _named("--url", urls, "name=http://host"))
    if len(named) < 2:
        raise ShopbenchError("one --url is no comparison: give two, the baseline first", 2)
    file = Path(own["locustfile"]) if own.get("locustfile") else None
    arguments, users = tuple(own.get("arguments") or ()), own.get("users")
    load = _load_kind(own)
    if file is not None and not file.is_file():
        raise ShopbenchError(f"there is no file {file}", 2)
    if file is None and (arguments or users):
        raise ShopbenchError("--users and what stands behind -- are for a --locustfile", 2)
    headers = _host_headers(named, own.get("host_header") or ())
    if len({(url, headers.get(name)) for name, url in named.items()}) < len(named):
        raise ShopbenchError("two names for one URL; an A/A run needs two servers", 2)
    restarts = _for_services(named, "--restart", own.get("restart") or (), "name=COMMAND")
    if restarts and (set(restarts) != set(named) or load == "open" or own.get("pid")):
        why = "is for every --url, and neither for --load open nor with --pid"
        raise ShopbenchError(f"--restart {why}", 2)
    return PairOptions(
        urls=tuple(named.items()),
        locustfile=str(file.resolve()) if file is not None else "",
        pids=tuple(_process_ids(named, own.get("pid") or ()).items()),
        rate=_rate(own.get("rate") or ""),
        load=load,
        users=_user_count(users),
        host_headers=tuple(headers.items()),
        restarts=tuple(restarts.items()),
        arguments=arguments,
    )


def _load_kind(own: Mapping[str, Any]) -> LoadKind:
    given, rate = own.get("load") or "turns", own.get("rate")
    found = next((kind for kind in _LOADS if kind == given), None)
    if found is None:
        raise ShopbenchError(f"--load {given!r}: it is turns (paired, the default) or open", 2)
    if found == "open" and not rate:
        raise ShopbenchError("--load open needs --rate, requests a second", 2)
    if found == "turns" and rate:
        raise ShopbenchError("--rate is for --load open: turns go one by one", 2)
    return found


def _host_headers(named: Mapping[str, str], texts: Sequence[str]) -> dict[str, str]:
    """The Host header by service: `name=HOST`, or one `HOST` for all."""
    if len(texts) == 1 and _HOST_NAME.match(texts[0]):
        return dict.fromkeys(named, texts[0])
    found = _for_services(named, "--host-header", texts, "HOST, or name=HOST")
    for text in found.values():
        if not _HOST_NAME.match(text):
            raise ShopbenchError(f"--host-header {text!r}: not a host", 2)
    return found


def _process_ids(named: Mapping[str, str], texts: Sequence[str]) -> dict[str, int]:
    found = _for_services(named, "--pid", texts, "name=PID")
    for name, text in found.items():
        if not text.isdigit():
            raise ShopbenchError(f"--pid {name}={text}: not a process id", 2)
    return {name: int(text) for name, text in found.items()}


def _for_services(
    named: Mapping[str, str], option: str, texts: Sequence[str], form: str
) -> dict[str, str]:
    found = dict(_named(option, texts, form))
    for name in found:
        if name not in named:
            raise ShopbenchError(f"{option} {name}: there is no --url of that name", 2)
    return found


def _user_count(users: int | None) -> int:
    if users is None:
        return DEFAULT_USERS
    if not 0 < users <= _MAX_USERS:
        raise ShopbenchError(f"--users {users}: give 1 to {_MAX_USERS}", 2)
    return users


def _named(option: str, texts: Sequence[str], form: str) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for text in texts:
        match = _NAMED.match(text.strip())
        if match is None:
            raise ShopbenchError(f"cannot read {option} {text!r}; it is {form}", 2)
        if match["name"] in found:
            raise ShopbenchError(f"{option}: the name {match['name']!r} is given twice", 2)
        found[match["name"]] = match["rest"]
    return list(found.items())


def _checked_url(name: str, url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS:
        raise ShopbenchError(f"--url {name}={url}: it begins with http:// or https://", 2)
    try:
        known = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username:
        form = "http://host:port/path, with neither query nor password"
        raise ShopbenchError(f"--url {name}={url}: give {form}", 2)
    return name, url.rstrip("/")


def _rate(text: str) -> float | None:
    if not text:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ShopbenchError(f"--rate {text!r}: give requests a second", 2)
    return rate
