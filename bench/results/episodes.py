"""Episodes: stretches of a run in which faults are injected while clients write their history.

The journal lists them; their files lie in `episodes/<episode>/`: the client history, the events
(what was injected and undone when, what a reader saw meanwhile) and the rows of all databases at
the end. Histories and events are append-only and readable after kill -9. With `journal` the only
module that knows result files.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self

import msgspec

from bench.errors import ShopbenchError
from bench.files import read_file, replace_file
from bench.results.plain_text import plain_json

EPISODES_FOLDER = "episodes"
HISTORY_FILE, EVENTS_FILE, SNAPSHOT_FILE = "history.jsonl", "events.jsonl", "snapshot.json.gz"
MAX_FILE_BYTES = 2**27  # 200 kills leave a tenth of it

EpisodeStatus = Literal["begun", "ended", "failed"]
FaultKind = Literal["kill", "point"]


@dataclass(frozen=True)
class Episode:
    """One phase on one deployment. `begun` and nothing more: it was cut off.

    `attempt` counts how often a phase was begun; the last one counts. `settings`: its size.
    """

    episode_id: str
    experiment: str
    deployment: str
    phase: str
    attempt: int
    seed: int
    started_at: str
    status: EpisodeStatus = "begun"
    finished_at: str | None = None
    note: str = ""
    settings: dict[str, float] = field(default_factory=dict)


class FaultInjected(msgspec.Struct, frozen=True, tag="fault"):
    """Written and synced before the fault is injected. `action`: of a fault point."""

    time_s: float
    number: int
    kind: FaultKind
    target: str
    action: str = ""


class FaultUndone(msgspec.Struct, frozen=True, tag="undone"):
    """The component is back, the point disarmed. `hit`: whether the fault took place at all."""

    time_s: float
    number: int
    hit: bool
    note: str = ""


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """An anomaly that a reader saw: invariant, what, of which order or row, how old it was."""

    invariant: str
    what: str
    subject: str
    age_s: float


class Sampled(msgspec.Struct, frozen=True, tag="sample"):
    """One look at the databases while the load runs. `unreadable`: components that did not answer.

    `took_s`: how long the look took.
    """

    time_s: float
    took_s: float
    seen: tuple[Seen, ...] = ()
    unreadable: tuple[str, ...] = ()


class LoadMark(msgspec.Struct, frozen=True, tag="load"):
    """Buyers begin or stop. `acknowledged`: orders that were placed by then, as they were told."""

    time_s: float
    what: Literal["begins", "ends"]
    acknowledged: int


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """The end: `seconds` from the end of the load until nothing was open, or the limit."""

    time_s: float
    seconds: float
    open_work: dict[str, int]
    error: str = ""


Event = FaultInjected | FaultUndone | Sampled | LoadMark | Settled


@dataclass(frozen=True)
class EpisodeFolder:
    """Where an episode's raw files are."""

    path: Path

    @classmethod
    def of(cls, run_dir: Path, episode: Episode) -> EpisodeFolder:
        """The folder of an episode of a run; raises ShopbenchError if it would leave the run."""
        name = PurePosixPath(episode.episode_id)
        if len(name.parts) != 1 or name.is_absolute() or ".." in name.parts:
            raise ShopbenchError(f"{run_dir}: episode {episode.episode_id!r} leaves the run", 3)
        return cls(run_dir / EPISODES_FOLDER / name)

    @property
    def history(self) -> Path:
        return self.path / HISTORY_FILE

    @property
    def events(self) -> Path:
        return self.path / EVENTS_FILE

    @property
    def snapshot(self) -> Path:
        return self.path / SNAPSHOT_FILE

    def create(self) -> None:
        """Make it; it must be new, raw data is never overwritten. Raises ShopbenchError."""
        try:
            self.path.mkdir(parents=True)
        except OSError as exc:
            raise ShopbenchError(f"cannot make {self.path}: {exc.strerror}", 3) from exc

    def write_snapshot(self, content: bytes) -> None:
        """Store what the databases held at the end."""
        replace_file(self.snapshot, content)

    def read_snapshot(self) -> bytes:
        """What `write_snapshot` stored. Raises ShopbenchError (3)."""
        try:
            return read_file(self.snapshot, MAX_FILE_BYTES)
        except OSError as exc:
            raise ShopbenchError(f"{self.snapshot}: {exc.strerror}", 3) from exc


class EventLog:
    """Append-only, for several threads; a line is whole or, the last one, torn."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._file.close()

    def write(self, event: Event) -> None:
        """Append; a fault is on the disk when this returns, before it is injected."""
        line = msgspec.json.encode(event) + b"\n"
        with self._lock:
            self._file.write(line)
            if isinstance(event, FaultInjected):
                os.fsync(self._file.fileno())


def read_events(path: Path) -> list[Event]:
    """Read an episode's events; a torn last line is dropped. Raises ShopbenchError (3)."""
    try:
        lines = plain_json(read_file(path, MAX_FILE_BYTES)).splitlines(keepends=True)
    except OSError as exc:
        raise ShopbenchError(f"{path}: {exc.strerror}", 3) from exc
    except UnicodeDecodeError as exc:
        raise ShopbenchError(f"{path}: {exc}", 3) from exc
    decoder = msgspec.json.Decoder(Event)
    found: list[Event] = []
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            found.append(decoder.decode(line))
        except (msgspec.MsgspecError, RecursionError) as exc:
            raise ShopbenchError(f"{path}, line {number}: {exc}", 3) from exc
    return found
