"""A listener to Locust's `request` event takes a row of each.

Which visit a request belongs to stands in the event's `context` (see `population`).
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter, time
from typing import Any
from urllib.parse import urlsplit

from locust.exception import CatchResponseError

from bench.load.plan import Sample
from bench.load.rows import Row

VISIT = "shopbench_visit"  # in the context of a request: the `Stay` that made it
MAX_SAMPLES = 300
_REASON_LENGTH = 80
_MAX_CAUSES = 5
_NETWORK_REASONS = (
    ("timeout", "timeout"),
    ("timed out", "timeout"),
    ("refused", "refused"),
    ("reset", "reset"),
    ("broken pipe", "reset"),
    ("closed", "closed"),
    ("parse", "parse"),
)


@dataclass(eq=False)
class Stay:
    """A visit under way. `due`: on perf_counter, later than it begins if that is when it is due."""

    number: int
    journey: str
    due: float
    requests: int = 0
    failed: bool = False
    over: bool = False


class RowListener:
    """Takes a row of every request of a visit; register `listen` with `events.request`."""

    def __init__(self, base_url: str, sample_every: int = 0) -> None:
        """`sample_every`: one visit in so many has its answers kept; 0: none."""
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path.rstrip("/")
        self._sample_every = sample_every
        self.begin()

    def begin(self) -> None:
        """Forget what was taken; a trial begins."""
        # Locust's events carry the wall clock, which a trial's pacing must not follow
        self._wall_offset = time() - perf_counter()
        self._taken: list[tuple[Stay, float, float, int, int, str, str, str]] = []
        self.samples: list[Sample] = []
        self._examples: dict[str, Sample] = {}  # the first wrong answer of each operation
        self.elsewhere = 0

    def listen(  # noqa: PLR0913 - the arguments of Locust's event
        self,
        *,
        name: str,
        response_time: float,
        response_length: int | None,
        context: dict[str, Any],
        exception: Any,
        start_time: float = 0.0,
        response: Any = None,
        url: str = "",
        **_: Any,
    ) -> None:
        """Take one; signature of Locust's `request` event."""
        stay: Stay | None = (context or {}).get(VISIT)
        if stay is None or stay.over:
            return
        stay.requests += 1
        if url and not self._is_ours(url):
            self.elsewhere += 1
            return
        status = int(getattr(response, "status_code", 0) or 0)
        error = reason(exception, status)
        stay.failed |= bool(error)
        headers = getattr(response, "headers", None) or {}
        timing = headers.get("server-timing", "")
        sent = start_time - self._wall_offset
        self._taken.append(
            (
                *(stay, sent, sent + response_time / 1000.0, status, int(response_length or 0)),
                *(
                    operation_name(self._asked(name, url)),
                    error,
                    timing if isinstance(timing, str) else "",
                ),
            )
        )
        drawn = bool(self._sample_every) and stay.number % self._sample_every == 0
        if status and (error or drawn):
            self._keep(Sample(operation_name(name), status, body_of(response)), error, drawn)

    def stumbled(self, stay: Stay, text: str) -> None:
        """Take a failed row of a visit whose own code failed."""
        now = perf_counter()
        self._taken.append((stay, now, now, 0, 0, operation_name(stay.journey), text, ""))

    def rows(self, zero: float) -> list[Row]:
        """The rows on a trial's clock, by visit in the order they were sent.

        A visit's first request is due when the visit is, a further one when the visitor sends it.
        """
        found: list[Row] = []
        begun: set[int] = set()
        for stay, sent, done, status, size, operation, error, timing in sorted(
            self._taken, key=lambda taken: taken[1]
        ):
            first = stay.number not in begun
            begun.add(stay.number)
            due = min(stay.due, sent) if first else sent
            times = (due - zero, sent - zero, done - zero)
            found.append(
                (*times, status, size, operation, stay.journey, error, stay.number, timing)
            )
        return found

    def _asked(self, name: str, url: str) -> str:
        """A request's name without the path of the base URL, which an HttpUser's has in it."""
        if self._path and url == self._origin + name:
            return name.removeprefix(self._path) or "/"
        return name

    def _is_ours(self, url: str) -> bool:
        rest = url[len(self._origin) : len(self._origin) + 1]
        return url.startswith(self._origin) and rest in {"", "/", "?"}

    @property
    def examples(self) -> list[Sample]:
        """A wrong answer of each operation that has one."""
        return list(self._examples.values())

    def _keep(self, answer: Sample, error: str, drawn: bool) -> None:
        if drawn and len(self.samples) < MAX_SAMPLES:
            self.samples.append(answer)
        if error:
            self._examples.setdefault(answer.operation, answer)


def body_of(response: Any) -> bytes:
    """The body of an answer; nothing where a stream was read already."""
    try:
        return bytes(getattr(response, "content", None) or b"")
    except (OSError, RuntimeError):
        return b""


def operation_name(name: object) -> str:
    """A request's name as an operation; `all` means all of them in the results."""
    text = " ".join(str(name).split())
    return text if text not in {"", "all"} else f"{text}_"


def reason(exception: Any, status: int) -> str:
    """A short name for a failure, "" if there is none, of a small vocabulary."""
    if exception is None:
        return "" if status else "no answer"
    text = " ".join(str(exception).split())
    if isinstance(exception, CatchResponseError | str):
        return text[:_REASON_LENGTH] or "failed"
    if status >= 400:
        return f"status {status}"
    causes = _causes(exception)
    lowered = " ".join(f"{type(each).__name__} {each!r}" for each in causes).lower()
    found = next((name for part, name in _NETWORK_REASONS if part in lowered), None)
    if found is None and any(isinstance(each, OSError) for each in causes):
        return "network"
    return found or type(exception).__name__


def _causes(exception: BaseException) -> list[BaseException]:
    """An exception and what caused it."""
    found: list[BaseException] = []
    cause: BaseException | None = exception
    while cause is not None and len(found) < _MAX_CAUSES:
        found.append(cause)
        original = getattr(cause, "original", None)
        cause = original or cause.__cause__ or cause.__context__
    return found
