"""The section's tables: rows of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from bench.experiments.footprint.findings import MIB, Profile, mean_window
from bench.experiments.footprint.money import PER_MINUTE, Costs
from bench.experiments.footprint.ratios import METRICS
from bench.experiments.footprint.records import Databases, Footprint, Load, Shipped, Start
from bench.report.measures import Level
from bench.report.naming import interval, is_database, number
from bench.report.prices import Prices
from bench.report.section import Records

Value = Callable[[Start], float | None]


def rest_rows(profiles: Sequence[Profile]) -> list[list[str]]:
    """One quantity a row, one deployment a column: a fresh start at rest."""
    rows = [
        [f"{each.what}, {each.unit}", *(_spread(p.level(each.name)) for p in profiles)]
        for each in METRICS
    ]
    rows.insert(1, ["of it databases, MiB", *(number(_databases_mib(p)) for p in profiles)])
    rows += [[name, *(_whole(p.mean(value)) for p in profiles)] for name, value in _COUNTED]
    return rows + [[name, *(number(p.mean(value)) for p in profiles)] for name, value in _SIZED]


def load_rows(profiles: Sequence[Profile]) -> list[list[str]]:
    """Each deployment at rest, at one request a second, at half of its capacity."""
    return [row for profile in profiles for row in _loads_of(profile)]


def component_rows(profiles: Sequence[Profile]) -> list[list[str]]:
    """Each component at rest."""
    return [
        [f"{profile.deployment}, {name}", number(mib), number(profile.cpu_ms_per_s.get(name))]
        for profile in profiles
        for name, mib in profile.pss_mib.items()
    ]


def shipped_rows(found: Sequence[Shipped]) -> list[list[str]]:
    """What each arm is made of."""
    return [
        [
            each.deployment,
            str(len(each.packages)),
            number(sum(each.packages.values()) / MIB),
            number(each.code_bytes / 1024),
            ", ".join(f"{name} {number(size / MIB)}" for name, size in each.images.items()) or "–",
        ]
        for each in found
    ]


def money_rows(costs: Sequence[Costs], prices: Prices) -> list[list[str]]:
    """Money for a million requests at each load, the fixed part apart."""
    return [
        [
            f"{rate:,.0f} a minute, {each.deployment}",
            number(each.fixed_million(prices, rate / 60.0)),
            number(1e6 * each.request(prices)),
            number(each.million(prices, rate / 60.0)),
            str(each.copies(rate / 60.0)),
        ]
        for rate in PER_MINUTE
        for each in costs
    ]


def basis_rows(costs: Sequence[Costs]) -> list[list[str]]:
    """What the money is computed from."""
    return [
        [
            each.deployment,
            number(each.memory_gib * 1024),
            number(1000 * each.idle_cores),
            number(1000 * each.cpu_s_per_request),
            number(each.capacity_rps),
        ]
        for each in costs
    ]


def start_records(found: Footprint) -> Records:
    """Every start as a flat record, for CSV."""
    return [
        {
            "deployment": start.deployment,
            "start": start.number,
            "counted": start.counted,
            "settled": start.settled,
            "settled_s": start.settled_s,
            "up_s": start.up_s,
            **{each.name: each.value(start) for each in METRICS},
            **{name: value(start) for name, value in _COLUMNS.items()},
        }
        for start in found.starts
    ]


def load_records(found: Footprint) -> Records:
    """Every load as a flat record, for CSV."""
    return [
        {
            "deployment": load.deployment,
            "start": load.number,
            "offered_rps": load.offered_rps,
            "capacity_rps": load.capacity_rps,
            "requests": load.requests,
            "wrong": load.wrong,
            "valid": load.valid,
            "seconds": load.window.seconds,
            "cpu_ms_per_s": load.window.cpu_ms_per_s,
            "pss_mib": load.window.pss_mib,
        }
        for load in found.loads
    ]


def _total(kind: str) -> Value:
    def value(start: Start) -> float | None:
        parts = getattr(start.counts, kind)
        return None if parts is None else float(sum(parts.values()))

    return value


def _count(name: str) -> Value:
    return lambda start: getattr(start.counts, name)


def _mib(read: Callable[[Databases], int | None]) -> Value:
    def value(start: Start) -> float | None:
        found = read(start.databases)
        return None if found is None else found / MIB

    return value


_COLUMNS: dict[str, Value] = {
    "processes": _total("processes"),
    "threads": _total("threads"),
    "descriptors": _total("descriptors"),
    "tcp_inside": _count("tcp_inside"),
    "tcp_outside": _count("tcp_outside"),
    "unix_sockets": _count("unix_sockets"),
    "database_connections": lambda start: float(start.databases.connections),
    "database_mib": _mib(lambda held: held.database_bytes),
    "data_folders_mib": _mib(lambda held: held.folder_bytes),
    "data_folders_allocated_mib": _mib(lambda held: held.allocated_bytes),
}
_COUNTED: tuple[tuple[str, Value], ...] = (
    ("processes of the operating system", _COLUMNS["processes"]),
    ("threads", _COLUMNS["threads"]),
    ("open file descriptors", _COLUMNS["descriptors"]),
    ("TCP connections inside the deployment", _COLUMNS["tcp_inside"]),
    ("TCP connections to others", _COLUMNS["tcp_outside"]),
    ("Unix sockets", _COLUMNS["unix_sockets"]),
    ("connections of the shop at PostgreSQL", _COLUMNS["database_connections"]),
)
_SIZED: tuple[tuple[str, Value], ...] = (
    ("databases, MiB", _COLUMNS["database_mib"]),
    ("data folders, apparent MiB", _COLUMNS["data_folders_mib"]),
    ("data folders, allocated MiB", _COLUMNS["data_folders_allocated_mib"]),
    ("the driver's whole `up`, s", lambda start: start.up_s),
)


def _databases_mib(profile: Profile) -> float:
    return sum(mib for name, mib in profile.pss_mib.items() if is_database(name))


def _whole(count: float | None) -> str:
    return "–" if count is None else f"{count:,.0f}"


def _spread(level: Level | None) -> str:
    if level is None:
        return "–"
    return f"{number(level.value)} {interval(level.low, level.high) if level.n > 1 else ''}".strip()


def _loads_of(profile: Profile) -> Iterator[list[str]]:
    name = profile.deployment
    rest_mib, rest_ms = sum(profile.pss_mib.values()), sum(profile.cpu_ms_per_s.values())
    yield [f"{name}, at rest", "0", number(rest_mib), number(rest_ms), "–", "–"]
    for half, words in ((False, "one request a second"), (True, "half of its capacity")):
        loads = profile.loaded(half=half)
        window = mean_window(loads)
        if window is not None:
            rate = fmean(load.offered_rps for load in loads)
            numbers = [number(rate), *map(number, window)]
            yield [f"{name}, {words}", *numbers, *_requests(loads)]


def _requests(loads: Sequence[Load]) -> list[str]:
    return [f"{sum(load.requests for load in loads):,}", f"{sum(load.wrong for load in loads):,}"]
