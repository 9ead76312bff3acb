"""What every response must satisfy, and the assertions that cases are written in.

`check_answer` is applied to each response of a run: documented status, schema, media type, headers.
"""

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from bench.contract.conformance.client import MISSING, Answer
from bench.contract.conformance.operations import methods_by_template, template_of
from bench.contract.conformance.violations import ContractViolation
from bench.contract.openapi import load_problems, response_of, standalone_schema

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TIMING_ENTRY = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(;\w+=[^;,]+)*")
_EXEMPT_FROM_405 = "HEAD"


def require(condition: object, message: str) -> None:
    """Raise a ContractViolation with this message unless the condition holds."""
    if not condition:
        raise ContractViolation(message)


def equal(found: object, wanted: object, what: str) -> None:
    """Require equality (of type too, so that True is not 1)."""
    same = found == wanted and type(found) is type(wanted)
    require(same, f"{what}: found {found!r}, the contract wants {wanted!r}")


def expect(answer: Answer, status: int) -> Answer:
    """Require this status; returns the answer, so that calls can be chained."""
    require(answer.status == status, f"wanted {status}: {answer}")
    return answer


def expect_problem(answer: Answer, code: str, *, field: str | None = None) -> Answer:
    """Require the problem of this code, complete; `field`: `errors` must name it."""
    expect(answer, int(load_problems()[code]["status"]))
    body = answer.json()
    require(isinstance(body, dict), f"a problem is a JSON object: {answer}")
    require(body.get("code") == code, f"wanted code {code}: {answer}")
    if field is not None:
        fields = [entry["field"] for entry in body["errors"]]
        require(field in fields, f"`errors` should name {field}, it names {fields}: {answer}")
    return answer


def check_answer(answer: Answer) -> Answer:
    """Hold one response against the contract: status, schema, media type, headers."""
    path = answer.path.split("?", 1)[0]
    template = template_of(path)
    _check_headers(answer)
    if template is None:
        return _check_problem_only(answer, "not_found")
    method = "GET" if answer.method == "HEAD" else answer.method
    if method not in methods_by_template()[template]:
        _check_allow(answer, methods_by_template()[template])
        return _check_problem_only(answer, "method_not_allowed")
    _check_documented(answer, method, template)
    return answer


def _check_headers(answer: Answer) -> None:
    request_id = answer.header("X-Request-ID") or ""
    require(REQUEST_ID.fullmatch(request_id), f"X-Request-ID {request_id!r} on {answer}")
    check_server_timing(answer)
    if answer.status == 503 and answer.media_type == "application/problem+json":
        seconds = answer.header("Retry-After") or ""
        require(seconds.isdecimal(), f"Retry-After {seconds!r} on {answer}")


def check_server_timing(answer: Answer) -> None:
    """Server-Timing must parse, and name `app` and `db` with a duration."""
    value = answer.header("Server-Timing") or ""
    entries = [entry.strip() for entry in value.split(",")]
    well_formed = all(_TIMING_ENTRY.fullmatch(entry) for entry in entries)
    require(well_formed, f"Server-Timing {value!r} on {answer}")
    for name in ("app", "db"):
        found = any(re.fullmatch(rf"{name};dur=\d+(\.\d+)?", entry) for entry in entries)
        require(found, f"Server-Timing has no `{name};dur=`: {value!r} on {answer}")


def _check_allow(answer: Answer, methods: frozenset[str]) -> None:
    listed = {name.strip() for name in (answer.header("Allow") or "").split(",")}
    tolerated = methods | ({_EXEMPT_FROM_405} if "GET" in methods else set())
    fits = methods <= listed <= tolerated
    require(fits, f"Allow is {sorted(listed)}, the path has {sorted(methods)}: {answer}")


def _check_problem_only(answer: Answer, code: str) -> Answer:
    if answer.method == "HEAD":
        return expect(answer, int(load_problems()[code]["status"]))
    schema = {"$ref": f"#/components/schemas/{_camel(code)}Problem"}
    expect_problem(answer, code)
    _check_body(answer, "application/problem+json", _validator_for(f"problem {code}", schema))
    return answer


def _check_documented(answer: Answer, method: str, template: str) -> None:
    response = response_of(method, template, answer.status)
    if response is None:
        raise ContractViolation(f"a status that the contract does not have: {answer}")
    if answer.method == "HEAD":
        require(answer.body == b"", f"HEAD answered with a body: {answer}")
        return
    media_type, content = next(iter(response["content"].items()))
    if answer.status == 503 and answer.media_type == "application/json":
        media_type = "application/json"
    name = f"{method} {template} {answer.status}"
    _check_body(answer, media_type, _validator_for(name, content["schema"]))
    body = answer.json()
    if media_type == "application/problem+json":
        equal(body["status"], answer.status, f"`status` in {answer}")


def _check_body(answer: Answer, media_type: str, validator: Draft202012Validator) -> None:
    require(answer.media_type == media_type, f"not {media_type}: {answer.headers} {answer}")
    body = answer.json()
    require(body is not MISSING, f"the body is no JSON: {answer}")
    problem = next(iter(validator.iter_errors(body)), None)
    if problem is not None:
        where = "/".join(str(part) for part in problem.absolute_path)
        raise ContractViolation(f"not the schema at {where!r}: {problem.message[:300]}: {answer}")


_SCHEMAS: dict[str, Any] = {}


def _validator_for(name: str, schema: Any) -> Draft202012Validator:
    _SCHEMAS.setdefault(name, schema)
    return _validator(name)


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(standalone_schema(_SCHEMAS[name]))


def _camel(code: str) -> str:
    return "".join(part.capitalize() for part in code.split("_"))
