"""A seeded random journey through the public API and its transcript, fit to be compared.

Two deployments that take the same journey must give the same statuses and bodies. Ids, times,
cursors, tokens and free text become placeholders; what is drawn never depends on an answer.
"""

import random
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.contract.conformance.client import MISSING, Answer
from bench.contract.conformance.operations import UUID_PATTERN
from bench.contract.conformance.world import Person, World
from bench.contract.journey_actions import ACTIONS, Request, Story

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_MADE_UP = re.compile(rf"{UUID_PATTERN}|(?<=case-)[0-9a-f]{{32}}")
_CURSOR = re.compile(r"(?<=cursor=)[A-Za-z0-9_=-]{8,}")
_PROBLEM_MEMBERS = ("type", "title", "status", "code")
_OPAQUE = frozenset({"next_cursor", "access_token", "keys"})


@dataclass(frozen=True)
class Entry:
    """One step: what was asked and what was answered, normalised."""

    number: int
    action: str
    request: str
    status: int
    body: Any


@dataclass
class _Names:
    """Placeholders for ids, in the order of their first appearance."""

    mark: str
    known: dict[str, str] = field(default_factory=dict)

    def text(self, value: str) -> str:
        replaced = _MADE_UP.sub(lambda found: self._id(found[0]), value.replace(self.mark, "<run>"))
        return _TIME.sub("<time>", replaced)

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {key: self._member(key, item) for key, item in value.items()}
        return value

    def _member(self, key: str, item: Any) -> Any:
        return f"<{key}>" if key in _OPAQUE and item is not None else self.value(item)

    def _id(self, found: str) -> str:
        return self.known.setdefault(found, f"<id {len(self.known) + 1}>")


def run_journey(base_url: str, *, seed: int = 1, steps: int = 500) -> list[Entry]:
    """Take the journey of this seed; the transcript has one entry for each step.

    Needs a seeded deployment. People and products are made on the way under a name of this run's
    own, so earlier runs and cases change nothing.
    """
    world = World(base_url)
    mark = uuid.uuid4().hex
    names = _Names(mark)
    try:
        story = Story(world, mark, random.Random(seed))
        return [
            _entry(number, action, story, request, names)
            for number, (action, request) in enumerate(_draw(story, steps), start=1)
        ]
    finally:
        world.client.close()


def differences(first: list[Entry], second: list[Entry]) -> list[str]:
    """One line for each step on which two transcripts do not agree."""
    lines = [
        f"step {one.number} {one.action} {one.request}: {one.status} {one.body} | "
        f"{other.request}: {other.status} {other.body}"
        for one, other in zip(first, second, strict=False)
        if one != other
    ]
    if len(first) != len(second):
        lines.append(f"{len(first)} steps against {len(second)}")
    return lines


def _draw(story: Story, steps: int) -> Iterator[tuple[str, Request]]:
    actions: list[Callable[[Story], Request]] = [action for action, _ in ACTIONS]
    weights = [weight for _, weight in ACTIONS]
    for _ in range(steps):
        (action,) = story.random.choices(actions, weights)
        yield action.__name__, action(story)


def _entry(number: int, action: str, story: Story, request: Request, names: _Names) -> Entry:
    answer = _send(story.world, request)
    story.remember(request, answer)
    asked = names.text(f"{request.method} {request.path} {request.query or ''}".strip())
    asked = _CURSOR.sub("<cursor>", asked)
    return Entry(number, action, asked, answer.status, _body(answer, names))


def _send(world: World, request: Request) -> Answer:
    person: Person | None = request.person
    more: dict[str, Any] = {"query": request.query} if request.query else {}
    if request.body is not None:
        more["body"] = request.body
    return world.call(
        request.method,
        request.path,
        token=None if person is None else person.token,
        key=request.key,
        payload=MISSING if request.payload is None else request.payload,
        **more,
    )


def _body(answer: Answer, names: _Names) -> Any:
    body = answer.json()
    if answer.media_type != "application/problem+json":
        return names.value(body)
    kept = {name: body[name] for name in _PROBLEM_MEMBERS}
    fields = [entry["field"] for entry in body.get("errors", ())]
    return {**kept, "first_field": fields[0] if fields else None}
