"""Checks that hold for every operation, spread over the operation table: routes, methods, auth."""

import uuid
from collections.abc import Callable
from functools import partial

from bench.contract.conformance.attempts import attempt, component_of, token_for
from bench.contract.conformance.expect import (
    equal,
    expect,
    expect_problem,
    require,
)
from bench.contract.conformance.operations import (
    Operation,
    all_operations,
    methods_by_template,
)
from bench.contract.conformance.registry import Case, add_case
from bench.contract.conformance.world import World

Check = Callable[[World, Operation], None]
Filter = Callable[[Operation], bool]

ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
BAD_IDS = ("not-a-uuid", "0", "urn:uuid:{0}", "{{{0}}}", "{0}%20", "{0}0", "me")


def unknown_query_parameter(world: World, op: Operation) -> None:
    answer = attempt(world, op, query={"surprise": "1"})
    expect_problem(answer, "validation_failed", field="surprise")


def repeated_query_parameter(world: World, op: Operation) -> None:
    for name in op.query:
        value = "price" if name == "sort" else "5"
        answer = attempt(world, op, query=[(name, value), (name, value)])
        expect_problem(answer, "validation_failed", field=name)


def other_methods(world: World, op: Operation) -> None:
    path = op.path(str(uuid.uuid4()))
    if "GET" not in methods_by_template()[op.template]:
        expect(world.call("HEAD", path, prefix=""), 405)
    for method in ALL_METHODS:
        if method not in methods_by_template()[op.template]:
            answer = world.call(method, path, prefix="")
            expect_problem(answer, "method_not_allowed")


def slash_at_the_end(world: World, op: Operation) -> None:
    answer = attempt(world, op, token=None, path=op.path(str(uuid.uuid4())) + "/")
    expect_problem(answer, "not_found")


def head_is_get(world: World, op: Operation) -> None:
    wanted = attempt(world, op).status
    answer = attempt(world, op, method="HEAD")
    expect(answer, wanted)
    equal(answer.body, b"", "the body of HEAD")
    refused = attempt(world, op, method="HEAD", token=None)
    expect(refused, wanted if op.auth == "none" else 401)


def accept_is_ignored(world: World, op: Operation) -> None:
    wanted = attempt(world, op)
    for accepted in ("text/html", "application/xml;q=0.1", "nonsense", "*/*;q=0"):
        answer = attempt(world, op, headers=[("Accept", accepted)])
        expect(answer, wanted.status)
        equal(answer.media_type, wanted.media_type, f"media type for Accept: {accepted}")


def no_token(world: World, op: Operation) -> None:
    expect_problem(attempt(world, op, token=None), "unauthenticated")


def useless_authorization(world: World, op: Operation) -> None:
    token = token_for(world, op)
    values = ("Bearer", "Bearer ", f"Basic {token}", f"{token}", "Bearer x", f"Bearer {token} x")
    for value in values:
        answer = attempt(world, op, token=None, headers=[("Authorization", value)])
        expect_problem(answer, "unauthenticated")


def authorization_is_ignored(world: World, op: Operation) -> None:
    wanted = attempt(world, op).status
    for value in ("Bearer nonsense", "Basic eDp5", f"Bearer {'a' * 5000}"):
        expect(attempt(world, op, headers=[("Authorization", value)]), wanted)


def customer_is_forbidden(world: World, op: Operation) -> None:
    token = world.person().token
    expect_problem(attempt(world, op, token=token), "forbidden")
    expect_problem(attempt(world, op, token=token, body=b"{", key=None), "forbidden")


def bad_path_ids(world: World, op: Operation) -> None:
    good = str(uuid.uuid4())
    shapes = [shape.format(good) for shape in BAD_IDS]
    for path_id in [*shapes, good.upper().replace("0", "A"), good.replace("-", ""), good[:-1]]:
        for method in (op.method, "DELETE"):
            answer = attempt(world, op, method=method, token=None, path=op.path(path_id))
            expect_problem(answer, "not_found")


def nothing_there(world: World, op: Operation) -> None:
    expect_problem(attempt(world, op), "not_found")


def request_id_is_echoed(world: World, op: Operation) -> None:
    for value in ("a", "A-Z_0.9", "x" * 64):
        answer = attempt(world, op, headers=[("X-Request-ID", value)])
        equal(answer.header("X-Request-ID"), value, "X-Request-ID")
    made = set()
    for value in ("x" * 65, "with space", "semi;colon", "ü"):
        answer = attempt(world, op, headers=[("X-Request-ID", value.encode())])
        made.add(answer.header("X-Request-ID"))
        require(answer.header("X-Request-ID") != value, f"X-Request-ID {value!r} was echoed")
    require(len(made) == 4, "made request ids repeat")


def _has_path_id(op: Operation) -> bool:
    return op.has_path_id


CHECKS: tuple[tuple[str, str, Check, Filter], ...] = (
    ("an unknown query parameter is 422", "checks", unknown_query_parameter, lambda op: True),
    (
        "a repeated query parameter is 422",
        "checks",
        repeated_query_parameter,
        lambda op: bool(op.query),
    ),
    ("every other method is 405 with Allow", "http", other_methods, lambda op: True),
    ("a slash at the end is 404", "http", slash_at_the_end, lambda op: True),
    ("HEAD is GET without body", "http", head_is_get, lambda op: op.method == "GET"),
    ("Accept is ignored", "http", accept_is_ignored, lambda op: op.method == "GET"),
    ("no token is 401", "auth", no_token, lambda op: op.auth != "none"),
    ("a useless token is 401", "auth", useless_authorization, lambda op: op.auth != "none"),
    (
        "an Authorization header is ignored",
        "auth",
        authorization_is_ignored,
        lambda op: op.auth == "none",
    ),
    ("a customer is 403", "auth", customer_is_forbidden, lambda op: op.auth == "staff"),
    ("a path id of another form is 404", "http", bad_path_ids, _has_path_id),
    ("an id of nothing is 404", "checks", nothing_there, _has_path_id),
    ("X-Request-ID is echoed or made", "headers", request_id_is_echoed, lambda op: True),
)


def _register() -> None:
    for name, area, check, applies in CHECKS:
        for op in filter(applies, all_operations()):
            if check is other_methods and op is not _first_of_path(op):
                continue
            function = partial(_run, check, op)
            add_case(Case(f"{op.id}: {name}", area, component_of(op), function))


def _run(check: Check, op: Operation, world: World) -> None:
    check(world, op)


def _first_of_path(op: Operation) -> Operation:
    return next(other for other in all_operations() if other.template == op.template)


_register()
