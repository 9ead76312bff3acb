"""What the parent hands to the load process (`Plan`) and gets back (`Result`), as MessagePack."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

REQUEST_TIMEOUT_S = 10.0


class Request(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One step of a visit. `{order_id}` in `path` is the order placed earlier in the visit."""

    operation: str
    path: str
    body: bytes


class Visit(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One arrival: when it is due (seconds from the trial's start) and what it does."""

    due_s: float
    journey: str
    user: int
    requests: tuple[Request, ...]


class Plan(msgspec.Struct, frozen=True):
    """One trial for the load process.

    `loop` closed: `concurrency` greenlets take visits one after the other until `measured_to_s`
    and the visits' due times are ignored. With a `locustfile` (see `custom`) a visit's `user` is
    the number its class and task are drawn with; loop prepare makes `concurrency` user instances
    for the next plan.
    """

    base_url: str
    loop: Literal["open", "closed", "prepare"]
    visits: list[Visit]
    tokens: list[str]
    key_prefix: str  # of the idempotency keys: new for every trial
    path_prefix: str  # in place of the schedule's /api/v1
    measured_from_s: float
    measured_to_s: float
    max_sessions: int = 512  # file descriptors below 900: above 1,023 keep-alive is silently lost
    warm_sessions: int = 8
    concurrency: int = 8
    max_visits: int = 0  # of a closed loop; 0: no limit but the time
    request_timeout_s: float = REQUEST_TIMEOUT_S
    drain_s: float = 10.0
    sample_every: int = 100  # one visit in so many keeps its bodies for the schema check
    locustfile: str = ""
    seed: int = 0  # of `random` while a locustfile runs
    common_zero: bool = False  # several load processes: the parent names the trial's zero


class Sample(msgspec.Struct, array_like=True, frozen=True):
    """A whole answer, kept for the check against the contract's schema."""

    operation: str
    status: int
    body: bytes


class Result(msgspec.Struct, frozen=True):
    """What one trial gave. Columns of the rows; `server_timing` is parsed by the parent.

    `started_monotonic`: the trial's zero on CLOCK_MONOTONIC. `abandoned`: steps never sent
    because an earlier step of the visit failed. CPU is the load process's, measured window only;
    of several processes `cpu_seconds` is the sum and `busiest_cpu_s` the most on one core.
    """

    started_monotonic: float
    due_s: list[float]
    sent_s: list[float]
    done_s: list[float]
    status: list[int]
    bytes: list[int]
    operation: list[str]
    journey: list[str]
    error: list[str]
    visit: list[int]
    server_timing: list[str]
    planned: int
    skipped: int
    abandoned: int
    unfinished: int
    cpu_seconds: float
    cpu_window_s: float
    drained_s: float  # when the last answer was in
    pacer: str
    samples: list[Sample]
    busiest_cpu_s: float | None = None

    @property
    def generator_cpu(self) -> float:
        """Share of a core the load took, of the busiest core if it had several."""
        busiest = self.cpu_seconds if self.busiest_cpu_s is None else self.busiest_cpu_s
        return busiest / self.cpu_window_s


def write_message(path: Path, message: Plan | Result) -> None:
    """Write the message to a file of its own."""
    path.write_bytes(msgspec.msgpack.encode(message))


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises msgspec.MsgspecError if the file is damaged."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Plan)


def read_result(path: Path) -> Result:
    """Read a result. Raises msgspec.MsgspecError if the file is damaged."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Result)
