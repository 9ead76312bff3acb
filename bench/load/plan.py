"""What the parent hands to the load process (`Plan`) and gets back (`Result`), as MessagePack."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from bench.contract.seed import SeedSpec
from bench.load.rows import Row

REQUEST_TIMEOUT_S = 10.0
TURN_LIMIT_S = 120.0  # of one visit


class Visit(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One arrival: when it is due (seconds from the trial's start) and what it does.

    `journey` names a task of the shop's locustfile; of a user's own file it is "" and `number`
    chooses the task. `number` seeds all that the visit draws.
    """

    due_s: float
    journey: str
    number: int


class Rounds(msgspec.Struct, frozen=True):
    """Rounds of one operation: each sends the same request to every target, in random order.

    Seconds: `pause_s` from an answer to the next request of the round (`pauses_s`: of each target,
    where they differ), then a gap with the mean `gap_s` (exponential) to the next round. The first
    `warmup_s` are not measured. `max_rounds`, warm-up included, ends it sooner (0: only the time
    does).
    """

    operation: str
    seed: int
    gap_s: float
    warmup_s: float
    measured_s: float
    pause_s: float = 0.002
    max_rounds: int = 0
    pauses_s: list[float] = []


class Side(msgspec.Struct, frozen=True):
    """One of the services that a load goes to; `prefix` in place of the contract's /api/v1."""

    base_url: str
    tokens: list[str]
    prefix: str
    host_header: str = ""  # in place of the URL's


class Plan(msgspec.Struct, frozen=True):
    """One trial for the load process.

    `loop` closed: `concurrency` clients take visits one after the other until `measured_to_s` and
    the visits' due times are ignored. rounds: the only loop with several sides. prepare: with a
    user's own `locustfile`, makes `users` instances for the plans that follow; 0 ends them.
    """

    sides: list[Side]
    loop: Literal["open", "closed", "rounds", "prepare"]
    measured_from_s: float
    measured_to_s: float
    visits: list[Visit] = []
    rounds: Rounds | None = None
    users_ahead: int = 8  # instances of the shop's customers made before the trial
    max_users: int = 512  # a connection each; above 1,023 descriptors keep-alive is silently lost
    concurrency: int = 8
    max_visits: int = 0  # of a closed loop; 0: no limit but the time
    request_timeout_s: float = REQUEST_TIMEOUT_S
    drain_s: float = 10.0
    stop_file: str = ""  # of an open loop: no visit begins any more once this file is there
    sample_every: int = 100  # one visit in so many keeps its bodies for the schema check
    shop: SeedSpec = SeedSpec()
    locustfile: str = ""
    arguments: list[str] = []  # of the locustfile, as after `locust -f FILE`
    users: int = 0
    seed: int = 0  # of `random` while a locustfile is loaded and its users start
    common_zero: bool = False  # several load processes: the parent names the trial's zero


class Sample(msgspec.Struct, array_like=True, frozen=True):
    """A whole answer, kept for the check against the contract's schema."""

    operation: str
    status: int
    body: bytes


class Result(msgspec.Struct, frozen=True):
    """What one trial gave. Columns of the rows; `server_timing` is parsed by the parent.

    `started_monotonic`: the trial's zero on CLOCK_MONOTONIC. `abandoned`: steps never sent because
    an earlier step of the visit failed. `elsewhere`: requests to another host, which have no row.
    `silent`: visits without a request. `examples`: a wrong answer
    of each operation that has one. CPU is the load process's, measured window only; of several
    processes `cpu_seconds` is the sum and `busiest_cpu_s` the most on one core.
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
    planned: int = 0
    skipped: int = 0
    abandoned: int = 0
    unfinished: int = 0
    cpu_seconds: float = 0.0
    cpu_window_s: float = 1e-9
    drained_s: float = 0.0  # when the last answer was in
    pacer: str = ""
    samples: list[Sample] = []
    busiest_cpu_s: float | None = None
    elsewhere: int = 0
    silent: int = 0
    examples: list[Sample] = []

    @property
    def generator_cpu(self) -> float:
        """Share of a core the load took, of the busiest core if it had several."""
        busiest = self.cpu_seconds if self.busiest_cpu_s is None else self.busiest_cpu_s
        return busiest / self.cpu_window_s


class Turn(msgspec.Struct, frozen=True):
    """Make visit `number` of the seed's."""

    number: int
    seed: int


class TurnRows(msgspec.Struct, frozen=True):
    """What came of a turn; the rows' times are on perf_counter, which all processes share.

    `requests`: made, those to another host included, which are `elsewhere` and have no row.
    """

    rows: list[Row]
    requests: int
    elsewhere: int
    took_s: float
    cpu_s: float


def write_message(path: Path, message: Plan | list[Result]) -> None:
    """Write the message to a file of its own."""
    path.write_bytes(msgspec.msgpack.encode(message))


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises msgspec.MsgspecError if the file is damaged."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Plan)


def read_results(path: Path) -> list[Result]:
    """Read the results of a plan, one a side. Raises msgspec.MsgspecError if it is damaged."""
    return msgspec.msgpack.decode(path.read_bytes(), type=list[Result])
