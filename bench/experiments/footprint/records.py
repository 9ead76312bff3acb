"""What both halves of `footprint` keep in the journal: starts, loads, what is shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.errors import CorruptResults

NAME = "footprint"
ARMS = ("monolith", "microservices")
MIX = "journeys"
FIRST_ASKED = ("product_list", "order")  # what the first visitors of a fresh shop ask for
MIB = 2**20


@dataclass(frozen=True)
class Window:
    """What each component used in a stretch of time: CPU seconds, and PSS at its end."""

    seconds: float
    cpu_s: dict[str, float]
    pss_bytes: dict[str, int]

    @property
    def cpu_ms_per_s(self) -> float:
        """CPU of the whole deployment, in milliseconds for each second."""
        return 1000.0 * sum(self.cpu_s.values()) / self.seconds

    @property
    def pss_mib(self) -> float:
        """Memory of the whole deployment."""
        return sum(self.pss_bytes.values()) / MIB


@dataclass(frozen=True)
class Counts:
    """What the kernel keeps for a deployment, by component. None: this user may not look.

    `tcp_inside`: established connections of which the deployment holds both ends, `tcp_outside`:
    those of which it holds one.
    """

    processes: dict[str, int]
    threads: dict[str, int]
    descriptors: dict[str, int] | None
    tcp_inside: int | None
    tcp_outside: int | None
    unix_sockets: int | None


@dataclass(frozen=True)
class Databases:
    """What a deployment's databases hold. Folders: None where they are not this machine's files.

    `allocated_bytes`: what the file system reserves for them; blocks that a copy shares with its
    original count here too.
    """

    connections: int
    database_bytes: int
    folder_bytes: int | None
    allocated_bytes: int | None


@dataclass(frozen=True)
class Start:
    """One fresh start of one deployment, alone. `counted` False: it only filled the caches.

    `up_s`: the whole of the driver's `up`. `cold_start_s`: from the start of the first component to
    the readiness of the last, None where the driver does not say when they are ready.
    `settled` False: its CPU had not come to rest when the time for that was over.
    """

    deployment: str
    number: int
    position: int
    counted: bool
    up_s: float
    cold_start_s: float | None
    first_answer_ms: dict[str, float]
    settled_s: float
    settled: bool
    idle: Window
    counts: Counts
    databases: Databases


@dataclass(frozen=True)
class Load:
    """What a deployment used under a load. `half`: of `capacity_rps`, else one request a second.

    `requests` were sent in the window; `wrong` of them were not answered rightly.
    """

    deployment: str
    number: int
    half: bool
    offered_rps: float
    capacity_rps: float | None
    requests: int
    wrong: int
    valid: bool
    window: Window


@dataclass(frozen=True)
class Shipped:
    """What a deployment's arm is made of: packages with all they need, and its own code."""

    deployment: str
    packages: dict[str, int]  # bytes of the installed files, without byte code
    code_bytes: int
    images: dict[str, int]  # bytes; empty where no image is there


@dataclass(frozen=True)
class Footprint:
    """All that a run has. `images_note`, `shipped_note`: why something is not there."""

    starts: tuple[Start, ...] = ()
    loads: tuple[Load, ...] = ()
    shipped: tuple[Shipped, ...] = ()
    images_note: str = ""
    shipped_note: str = ""
    stopped: str = ""


def read_footprint(settings: Mapping[str, Any], where: object) -> Footprint:
    """The record of a run; an empty one where it has none. Raises CorruptResults."""
    try:
        return msgspec.convert(settings.get(NAME, {}), Footprint)
    except msgspec.ValidationError as exc:
        raise CorruptResults(f"{where}: settings.{NAME}: {exc}") from exc
