"""One request and its answer: sent to a replica, to another one if that is safe, passed back.

A request goes to another replica only if nothing of it was sent (the connection was refused) or
its method is idempotent and no byte of an answer has come (RFC 9110, 9.2.2). Bodies are passed on
as they come, in both directions, under flow control.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Protocol

from bench.deployments.edge.framing import (
    IDEMPOTENT,
    MAX_ANSWER_HEAD,
    AnswerHead,
    BadMessage,
    RequestHead,
    UntilClose,
    head_end,
    parse_answer,
)
from bench.deployments.edge.replicas import Replica, Replicas

MAX_HELD = 65_536  # of a request, kept to send it again
MAX_TRIES = 4
_REQUEST_ID = re.compile(rb"(?im)^x-request-id:[ \t]*([A-Za-z0-9._-]{1,64})[ \t]*\r$")
# Where the shop's contract knows the problem its code and title: a client must not see who refused.
_PROBLEM_TYPES = "https://shopbench.example/problems/"
_PROBLEMS = {
    400: ("malformed_request", "Malformed request"),
    405: ("method_not_allowed", "Method not allowed"),
    431: ("header_too_large", "Header too large"),
    501: ("not_implemented", "Not implemented"),
    503: ("dependency_unavailable", "Dependency unavailable"),
    504: ("deadline_exceeded", "Deadline exceeded"),
}
OVERLOADED = ("overloaded", "Overloaded")


class Client(Protocol):
    """The connection a request came on."""

    paused: bool

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def hold(self) -> None:
        """Read no more of the request for now."""

    def go_on(self) -> None:
        """Read on."""

    def done(self, *, close: bool, unread: bool = False) -> None:
        """The exchange is over. `unread`: the client may still be sending its body."""

    def abort(self) -> None:
        """Break the connection: an answer could not be completed."""


class Link(Protocol):
    """A connection to a replica."""

    exchange: Exchange | None

    def usable(self) -> bool:
        """Whether it can take a request."""

    def write(self, data: bytes) -> None:
        """Send bytes to the replica."""

    def hold(self) -> None:
        """Read no more of the answer for now."""

    def go_on(self) -> None:
        """Read on."""

    def give_back(self, *, reusable: bool) -> None:
        """The answer is whole: keep the connection for another request, or close it."""

    def abort(self) -> None:
        """Break the connection."""


class Dispatcher(Protocol):
    """Who finds replicas for exchanges: the edge, as they see it."""

    replicas: Replicas
    draining: bool
    retried: int
    refused: int
    abandoned: int
    broken: int

    def now(self) -> float:
        """Seconds on the loop's clock."""

    def queue(self, exchange: Exchange) -> bool:
        """Let it wait for a replica; False if the queue is full."""

    def connect(self, exchange: Exchange, replica: Replica) -> None:
        """Open a connection for an exchange."""

    def ended(self, replica: Replica) -> None:
        """A request less at a replica."""


class Exchange:
    """Exactly one of `done` and `abort` of the client ends it, unless the client left first."""

    __slots__ = (
        *("edge", "client", "request", "held", "tried", "replica", "link", "since"),
        *("answer", "buffer", "begun", "over", "surplus"),
    )

    def __init__(self, edge: Dispatcher, client: Client, request: RequestHead) -> None:
        self.edge, self.client, self.request = edge, client, request
        self.held: bytearray | None = bytearray(request.raw)
        self.tried: list[Replica] = []
        self.replica: Replica | None = None
        self.link: Link | None = None
        self.since = edge.now()
        self.answer: AnswerHead | None = None
        self.buffer = b""
        self.begun = self.over = self.surplus = False

    # --- towards a replica

    def start(self) -> None:
        """Find a replica, or a place in the queue, or refuse."""
        replica = self.edge.replicas.choose(self.tried)
        if replica is not None:
            self.assign(replica)
        elif self.edge.replicas.hopeless(self.tried) or len(self.tried) >= MAX_TRIES:
            self.fail(503)
        elif not self.edge.queue(self):
            self.fail(503, OVERLOADED)

    def assign(self, replica: Replica) -> None:
        """Take the replica, over a kept connection or a new one."""
        self.replica = replica
        self.tried.append(replica)
        replica.outstanding += 1
        replica.counts.requests += 1
        self.since = self.edge.now()
        while replica.idle:
            link: Link = replica.idle.pop()
            if link.usable():
                self.attach(link)
                return
        self.edge.connect(self, replica)

    def attach(self, link: Link) -> None:
        """Send what there is of the request; the rest follows as it comes."""
        assert self.held is not None
        self.link = link
        link.exchange = self
        self.since = self.edge.now()
        link.write(bytes(self.held))
        if self.request.method not in IDEMPOTENT or len(self.held) > MAX_HELD:
            self.held = None
        if self.client.paused:
            link.hold()
        if not self.request.body.done:
            self.client.go_on()

    def connect_failed(self) -> None:
        """Nothing was sent, so any request may go elsewhere."""
        assert self.replica is not None
        self.replica.counts.failed_connects += 1
        self._again_elsewhere()

    def _again_elsewhere(self) -> None:
        failed = self.replica
        assert failed is not None
        self.edge.replicas.failed(failed)
        self._release()
        self.edge.retried += 1
        self.start()

    # --- from the client

    def client_data(self, data: bytes) -> None:
        """More of the request's body; what is beyond its end is refused."""
        self.since = self.edge.now()
        try:
            taken = self.request.body.feed(data)
        except BadMessage as error:
            self._drop_link()
            self.fail(error.status)
            return
        if taken < len(data):
            self.surplus = True  # a pipelined request: this answer closes the connection
            data = data[:taken]
        if self.link is not None and data:
            self.link.write(data)
        if self.held is not None:
            self.held += data
            if len(self.held) > MAX_HELD:
                if self.link is None:
                    self.client.hold()
                else:
                    self.held = None

    def client_gone(self) -> None:
        """The client left: nobody wants the answer."""
        self.over = True
        self.edge.abandoned += 1
        self._drop_link()
        self._release()

    # --- from the replica

    def answer_data(self, data: bytes) -> None:
        """Bytes of the answer. A broken one ends the exchange."""
        self.begun = True
        self.since = self.edge.now()
        try:
            if self.answer is None:
                self._answer_head(data)
            else:
                self._answer_body(data, b"")
        except BadMessage:
            assert self.replica is not None
            self.replica.counts.resets += 1
            self._break()

    def _answer_head(self, data: bytes) -> None:
        self.buffer += data
        while end := head_end(self.buffer, MAX_ANSWER_HEAD):
            head = parse_answer(self.buffer[:end], self.request.method)
            self.buffer = self.buffer[end:]
            if head.interim:
                self.client.write(head.raw + b"\r\n")
                continue
            self.answer, rest, self.buffer = head, self.buffer, b""
            ending = b"Connection: close\r\n\r\n" if self._closes() else b"\r\n"
            self._answer_body(rest, head.raw + ending)
            return

    def _answer_body(self, data: bytes, before: bytes) -> None:
        assert self.answer is not None
        taken = self.answer.body.feed(data) if data else 0
        extra = taken < len(data)
        sent = before + data[:taken] if extra or before else data
        if sent:
            self.client.write(sent)
        if self.answer.body.done:
            self._finish(reusable=self.answer.keep_alive and not extra)

    def link_lost(self, error: Exception | None) -> None:
        """The replica's connection ended while it was ours."""
        self.link = None
        if self.answer is not None and isinstance(self.answer.body, UntilClose) and not error:
            self._finish(reusable=False)
            return
        assert self.replica is not None
        self.replica.counts.resets += 1
        if self.begun:
            self._break()
        elif self.held is not None and len(self.tried) < MAX_TRIES:
            self._again_elsewhere()
        else:
            self.edge.replicas.failed(self.replica)
            self.fail(503)

    def timed_out(self) -> None:
        """No answer in time: it may or may not have been carried out."""
        if self.replica is not None:
            self.replica.counts.timeouts += 1
            self.edge.replicas.failed(self.replica)
        if self.begun:
            self._break()
        else:
            self._drop_link()
            self.fail(504)

    # --- the end

    def fail(self, status: int, problem: tuple[str, str] | None = None) -> None:
        """Answer in the replica's place, or break off what has begun."""
        if self.answer is not None:
            self._break()
            return
        self._end()
        unread = not self.request.body.done
        close = unread or self._closes()
        self.edge.refused += 1
        self.client.write(problem_answer(status, self.request.raw, close=close, problem=problem))
        self.client.done(close=close, unread=unread)

    def _finish(self, *, reusable: bool) -> None:
        close, unread = self._closes(), not self.request.body.done
        assert self.replica is not None
        self.replica.counts.answers += 1
        link, self.link = self.link, None
        if link is not None:
            link.give_back(reusable=reusable and not unread)
        self._end()
        self.client.done(close=close, unread=unread)

    def _break(self) -> None:
        self._drop_link()
        if self.answer is None:
            self.begun = False
            self.fail(503)
            return
        self._end()
        self.edge.broken += 1
        self.client.abort()

    def _end(self) -> None:
        self.over = True
        self._release()

    def _release(self) -> None:
        if self.replica is not None:
            replica, self.replica = self.replica, None
            self.edge.ended(replica)

    def _drop_link(self) -> None:
        if self.link is not None:
            self.link.exchange = None
            self.link.abort()
            self.link = None

    def _closes(self) -> bool:
        """Whether the client's connection ends with this answer."""
        endless = self.answer is not None and isinstance(self.answer.body, UntilClose)
        unread = not self.request.body.done
        return (
            endless or unread or self.surplus or self.edge.draining or not self.request.keep_alive
        )


def problem_answer(
    status: int, head: bytes, *, close: bool, problem: tuple[str, str] | None = None
) -> bytes:
    """An answer of the edge's own, as problem+json."""
    code, title = problem or _PROBLEMS.get(status, _PROBLEMS[503])
    document = {
        "type": _PROBLEM_TYPES + code.replace("_", "-"),
        "title": title,
        "status": status,
        "detail": f"{title}, says the edge.",
        "code": code,
    }
    body = json.dumps(document).encode()
    found = _REQUEST_ID.search(head)
    request_id = found[1].decode() if found else secrets.token_hex(16)
    lines = [
        f"HTTP/1.1 {status} {title}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        f"X-Request-ID: {request_id}",
        *(("Retry-After: 1",) if status == 503 else ()),
        *(("Connection: close",) if close else ()),
    ]
    answer = "\r\n".join([*lines, "", ""]).encode()
    return answer if head.startswith(b"HEAD ") else answer + body
