"""The HTTP transport: aiohttp client, deadline header, service token, retry, breaker, bulkhead.

One `HttpPeer` a callee. It is also what an edge forwards through (`send`).
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from microservices.chassis.context import Context
from microservices.chassis.faults import POISON
from microservices.chassis.operations import PLACEHOLDER
from microservices.chassis.peers import (
    Message,
    PeerFailed,
    PeerRefused,
    PeerUnavailable,
    PeerUnclear,
    answer_of,
)
from microservices.chassis.resilience import Breaker, Bulkhead, RetryBudget
from microservices.chassis.service_tokens import ServiceSigner
from microservices.chassis.settings import Settings
from microservices.chassis.telemetry import REQUEST_ID, SERVER_TIMING, database_seconds

DEADLINE = "X-Deadline-Ms"
# A little under the servers' 75 s, so that the client is the side that closes an idle connection.
KEEP_ALIVE_SECONDS = 70.0
RETRY_PAUSE_SECONDS = 0.025
Headers: TypeAlias = list[tuple[str, str]]  # pairs: what is forwarded may be repeated
_encode = msgspec.json.Encoder().encode


class PeerTimeout(PeerUnclear):
    """No answer within the time given."""


class PeerBusy(PeerUnavailable):
    """Too many calls to this peer are under way already."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back, not interpreted."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def new_session(settings: Settings) -> aiohttp.ClientSession:
    """The one client session of a process, without the retry of its own."""
    connector = aiohttp.TCPConnector(
        limit=0,
        limit_per_host=settings.peer_concurrency if settings.resilient else 0,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    )
    # No public switch exists: a GET on a connection that the server just closed would be sent
    # twice, outside of the retry budget (the client of aiohttp's own test suite does the same).
    session._retry_connection = False
    return session


class HttpPeer:
    """One component in another process.

    Args:
        session: Gives the process's client session, which exists while the app runs.
    """

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        session: Callable[[], aiohttp.ClientSession],
        settings: Settings,
        signer: ServiceSigner | None,
    ) -> None:
        self._name = name
        self._urls = [url.rstrip("/") for url in urls]
        self._preferred = 0
        self._session = session
        self._signer = signer
        self._resilient = settings.resilient
        self._breaker = Breaker()
        self._budget = RetryBudget()
        self._bulkhead = Bulkhead(settings.peer_concurrency)

    async def call(
        self, ctx: Context, message: Message[Any], request: Struct | None, deadline: float
    ) -> Any:
        """The `Transport` of this peer."""
        path, body = _encoded(message, request)
        headers = self._headers(ctx, message)
        tries = 2 if message.idempotent else 1
        answer = await self.send(
            message.method, path, headers=headers, body=body, deadline=deadline, tries=tries
        )
        ctx.timings.db += database_seconds(answer.headers.get(SERVER_TIMING))
        return _interpreted(self._name, message, answer)

    def _headers(self, ctx: Context, message: Message[Any]) -> Headers:
        headers = [(REQUEST_ID, ctx.request_id)]
        if message.as_user:
            headers.append(("Authorization", f"Bearer {ctx.token}"))
        elif self._signer is not None:
            headers.append(("Authorization", self._signer.header(self._name)))
        if message.method != "GET":
            headers.append(("Content-Type", "application/json"))
        if ctx.poison:
            headers.append((POISON, ctx.poison))
        return headers

    async def send(  # noqa: PLR0913 - an HTTP request is that many things
        self,
        method: str,
        path: str,
        *,
        headers: Headers,
        body: bytes | None,
        deadline: float,
        tries: int,
    ) -> RawAnswer:
        """One request with at most `tries` tries until `deadline` (loop time).

        Raises:
            PeerBusy, PeerUnavailable: surely nothing was done.
            PeerTimeout, PeerUnclear: it may have been.
        """
        loop = asyncio.get_running_loop()
        self._budget.deposit()
        outcome: RawAnswer | PeerFailed = PeerUnavailable(f"{self._name} was not called.")
        for left in range(tries - 1 if self._resilient else 0, -1, -1):
            try:
                answer = await self._guarded(method, path, headers, body, deadline)
                if not _worth_another_try(answer):
                    return answer
                outcome = answer
            except PeerUnavailable as error:
                if isinstance(outcome, PeerUnavailable):  # an earlier try may have had an effect
                    outcome = error
            except PeerUnclear as error:
                outcome = error
            pause = RETRY_PAUSE_SECONDS * random.uniform(0.5, 1.5)
            if not left or loop.time() + pause >= deadline or not self._budget.withdraw():
                break
            await asyncio.sleep(pause)
        if isinstance(outcome, RawAnswer):
            return outcome
        raise outcome

    async def _guarded(
        self, method: str, path: str, headers: Headers, body: bytes | None, deadline: float
    ) -> RawAnswer:
        """One try behind bulkhead and breaker."""
        if not self._resilient:
            return await self._exchange(method, path, headers, body, deadline)
        loop = asyncio.get_running_loop()
        if not self._bulkhead.enter():
            raise PeerBusy(f"Too many calls to {self._name} are under way.")
        try:
            generation = self._breaker.admit(loop.time())
            if generation is None:
                raise PeerUnavailable(f"{self._name} failed too often lately.")
            try:
                answer = await self._exchange(method, path, headers, body, deadline)
            except PeerFailed:
                self._breaker.record(loop.time(), generation, succeeded=False)
                raise
            except BaseException:
                self._breaker.abandon(generation)
                raise
            self._breaker.record(loop.time(), generation, succeeded=answer.status != 500)
            return answer
        finally:
            self._bulkhead.leave()

    async def _exchange(
        self, method: str, path: str, headers: Headers, body: bytes | None, deadline: float
    ) -> RawAnswer:
        """One try; where one endpoint refuses the connection the next is taken."""
        loop = asyncio.get_running_loop()
        first, count = self._preferred, len(self._urls)
        for at in ((first + step) % count for step in range(count)):
            remaining = deadline - loop.time()
            if remaining <= 0:
                raise PeerUnavailable(f"No time was left to call {self._name}.")
            sent = [*headers, (DEADLINE, str(int(remaining * 1000)))]
            url = URL(self._urls[at] + path, encoded=True)
            timeout = aiohttp.ClientTimeout(total=remaining)
            try:
                async with self._session().request(
                    method, url, headers=sent, data=body, timeout=timeout, allow_redirects=False
                ) as response:
                    return RawAnswer(response.status, response.headers, await response.read())
            except aiohttp.ClientConnectorError:
                if self._preferred == at:  # somebody else may have found out at the same time
                    self._preferred = (at + 1) % count
            except TimeoutError:
                raise PeerTimeout(f"{self._name} did not answer in time.") from None
            except (aiohttp.ClientError, OSError) as error:
                raise PeerUnclear(f"The connection to {self._name} was lost.") from error
        raise PeerUnavailable(f"{self._name} is out of reach.")


def _worth_another_try(answer: RawAnswer) -> bool:
    """A failure that the next try may not meet; who is overloaded is not asked again at once."""
    return answer.status == 500 or (
        answer.status == 503 and b'"code":"overloaded"' not in answer.body
    )


def _encoded(message: Message[Any], request: Struct | None) -> tuple[str, bytes | None]:
    """Path (with the query of a GET) and body. Fields that the path names stand only there."""
    path = message.path
    if request is None:
        return path, None if message.method == "GET" else b"{}"
    if message.method != "GET" and "{" not in path:
        return path, _encode(request)
    members = msgspec.to_builtins(request)
    path = PLACEHOLDER.sub(lambda name: str(members.pop(name[1])), path)
    if message.method != "GET":
        return path, _encode(members)
    query = {name: str(value) for name, value in members.items() if value is not None}
    return (f"{path}?{URL.build(query=query).raw_query_string}" if query else path), None


def _interpreted(name: str, message: Message[Any], answer: RawAnswer) -> Any:
    if answer.status < 300:
        return answer_of(message, answer.body)
    if answer.status in (401, 403) and not message.as_user:
        raise PeerUnavailable(f"{name} did not accept the service token.")
    if answer.status >= 500:
        raise PeerUnclear(f"{name} answered {answer.status}.")
    try:
        members = msgspec.json.decode(answer.body, type=dict[str, Any])
        raise PeerRefused(
            members["code"], answer.status, members["title"], members.get("detail", "")
        )
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
        raise PeerUnclear(f"{name} answered {answer.status} without a problem.") from None
