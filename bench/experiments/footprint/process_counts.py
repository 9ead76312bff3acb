"""What the kernel keeps for a deployment's processes: threads, descriptors, sockets.

A socket that several processes inherited is one; a connection of which both ends are the
deployment's is one. The tables are read in the network namespace of each process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from bench.experiments.footprint.records import Counts

_PROC = Path("/proc")
_ESTABLISHED = "01"
_IPV4_IN_IPV6 = "0000000000000000FFFF0000"
_GONE = (FileNotFoundError, ProcessLookupError)
Ends = frozenset[str]


def count(pids: Mapping[str, Sequence[int]]) -> Counts:
    """Count what the processes of each component hold now."""
    everyone = [pid for found in pids.values() for pid in found]
    tcp, unix = _tables(everyone)
    held = {name: [_descriptors(pid) for pid in found] for name, found in pids.items()}
    readable = _known(held)
    sockets = {each for found in readable.values() for links in found for each in inodes(links)}
    ends = [tcp[inode] for inode in sockets if inode in tcp]
    inside = sum(ends.count(each) > 1 for each in set(ends))
    blind = len(readable) < len(held)
    return Counts(
        processes={name: len(found) for name, found in pids.items()},
        threads={name: sum(map(_threads, found)) for name, found in pids.items()},
        descriptors=None if blind else {n: sum(map(len, links)) for n, links in readable.items()},
        tcp_inside=None if blind else inside,
        tcp_outside=None if blind else len(set(ends)) - inside,
        unix_sockets=None if blind else len(sockets & unix),
    )


def established(lines: Iterable[str]) -> dict[str, Ends]:
    """Both addresses of each established connection in /proc/net/tcp or tcp6, by inode."""
    rows = (line.split() for line in lines)
    return {
        row[9]: frozenset((_address(row[1]), _address(row[2])))
        for row in rows
        if len(row) > 9 and row[3] == _ESTABLISHED
    }


def inodes(links: Iterable[str]) -> Iterator[str]:
    """The sockets among what descriptors point to."""
    for link in links:
        if link.startswith("socket:["):
            yield link.removeprefix("socket:[").removesuffix("]")


def unix_sockets(lines: Iterable[str]) -> set[str]:
    """The inodes in /proc/net/unix, which has a heading."""
    return {row[6] for row in (line.split() for line in lines) if len(row) > 6 and row[6].isdigit()}


def _address(text: str) -> str:
    return text.removeprefix(_IPV4_IN_IPV6)


def _known(held: Mapping[str, list[list[str] | None]]) -> dict[str, list[list[str]]]:
    """The components of which every process could be looked into."""
    return {
        name: [links for links in found if links is not None]
        for name, found in held.items()
        if None not in found
    }


def _tables(pids: Iterable[int]) -> tuple[dict[str, Ends], set[str]]:
    """Connections and Unix sockets of every network namespace that the processes are in."""
    tcp: dict[str, Ends] = {}
    unix: set[str] = set()
    seen: set[str] = set()
    for pid in pids:
        with suppress(OSError):  # it has ended, or this user may not look: so say its descriptors
            space = os.readlink(_PROC / str(pid) / "ns/net")
            if space not in seen:
                net = _PROC / str(pid) / "net"
                for name in ("tcp", "tcp6"):
                    tcp |= established((net / name).read_text().splitlines())
                unix |= unix_sockets((net / "unix").read_text().splitlines())
                seen.add(space)
    return tcp, unix


def _descriptors(pid: int) -> list[str] | None:
    """What a process's descriptors point to; None if that cannot be seen, [] if it has ended."""
    if not _PROC.is_dir():
        return None
    links = []
    try:
        for each in os.scandir(_PROC / str(pid) / "fd"):
            with suppress(*_GONE):
                links.append(os.readlink(each.path))
    except _GONE:
        return []
    except PermissionError:
        return None
    return links


def _threads(pid: int) -> int:
    try:
        return int(psutil.Process(pid).num_threads())
    except psutil.NoSuchProcess:
        return 0
