"""An operation bound to its service: a request's checks in the contract's order, then the call.

401 → 403 → 413 → 415 → malformed JSON 400 → idempotency key 400 → validation 422 → the operation.
(404 and 405 come before, in `front.py`.)
"""

import asyncio
import re
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import msgspec
from aiohttp import web
from msgspec import Struct
from multidict import CIMultiDictProxy

from microservices.chassis import faults, strict_json
from microservices.chassis.auth import (
    KeyStore,
    ServiceVerifier,
    authenticate_user,
    bearer_token,
)
from microservices.chassis.context import Context
from microservices.chassis.errors import (
    Forbidden,
    InvalidIdempotencyKey,
    MalformedJson,
    MissingIdempotencyKey,
    PayloadTooLarge,
    Unauthenticated,
    UnsupportedMediaType,
    invalid,
)
from microservices.chassis.operations import Operation, Reply

MAX_BODY = 65_536
JSON = "application/json"
_is_key = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?").fullmatch
_is_integer = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch
_encode = msgspec.json.Encoder().encode
_placeholder = re.compile(r"\{(\w+)\}")


class Endpoint:
    """One operation of one component in this process.

    Args:
        component: Whose operation it is.
        keys: Verifies user tokens; needed by operations of users.
        services: Verifies service tokens; needed by internal operations reached over HTTP.
    """

    bounded = False

    def __init__(
        self,
        component: str,
        operation: Operation,
        service: Any,
        keys: KeyStore | None,
        services: ServiceVerifier | None,
    ) -> None:
        self.operation = operation
        self._service = service
        self._keys = keys
        self._services = services
        self._component = component
        self._may_fail = faults.armed()
        self._path_fields = tuple(_placeholder.findall(operation.path))
        fields = msgspec.structs.fields(operation.request)
        self._known = {field.encode_name for field in fields} - set(self._path_fields)
        self._integers = {field.encode_name for field in fields if _takes_integer(field.type)}

    async def serve(self, request: web.BaseRequest, ctx: Context, ids: list[str]) -> Reply:
        """Answers an HTTP request whose path and method are this operation's."""
        operation = self.operation
        if operation.auth != "public":
            await self._authenticate(request, ctx)
        if self._may_fail:
            await faults.enter_operation(self._component, ctx.poison)
        body = b""
        if request.body_exists:
            body = await read_body(request, ctx)
        members: dict[str, Any] = {}
        if operation.body_rule != "none":
            members = self._parsed(request.headers, body)
        if operation.key:
            ctx.idempotency_key = _idempotency_key(request.headers)
        message = self._validated(request, ctx, members, ids)
        answer = await operation.handler(self._service, ctx, message)
        if type(answer) is Reply:
            return answer
        return Reply(operation.status, _encode(answer))

    async def invoke(self, ctx: Context, message: Struct, as_user: bool) -> Struct | Reply:
        """The in-memory entry: the caller is of this process, the message is already typed."""
        if as_user:
            await self._authorize_user(ctx)
        if self._may_fail:
            await faults.enter_operation(self._component, ctx.poison)
        return await self.operation.handler(self._service, ctx, message)

    async def _authenticate(self, request: web.BaseRequest, ctx: Context) -> None:
        ctx.token = bearer_token(request.headers.getall("Authorization", []))
        if self.operation.auth == "service":
            if self._services is None:
                raise Unauthenticated("This process takes no service tokens.")
            self._services.verify(ctx.token)
            return
        await self._authorize_user(ctx)

    async def _authorize_user(self, ctx: Context) -> None:
        assert self._keys is not None, f"{self.operation.name} verifies tokens without keys"
        await authenticate_user(ctx, self._keys)
        if self.operation.auth == "staff" and not ctx.staff:
            raise Forbidden("Only staff may do this.")

    def _parsed(self, headers: CIMultiDictProxy[str], body: bytes) -> Any:
        """First pass: media type, then syntax."""
        encoding = headers.get("Content-Encoding")
        if encoding is not None and encoding.strip().lower() != "identity":
            raise UnsupportedMediaType("Content-Encoding other than identity is not accepted.")
        if not body:
            if self.operation.body_rule == "optional":
                return {}
            raise MalformedJson("A JSON body is needed.")
        media_type = headers.get("Content-Type", "")
        if media_type != JSON and media_type.partition(";")[0].strip().lower() != JSON:
            raise UnsupportedMediaType(f"The body must be {JSON}.")
        return strict_json.parse(body)

    def _validated(
        self, request: web.BaseRequest, ctx: Context, members: Any, ids: list[str]
    ) -> Struct:
        """Second pass: query, values, types. The ids of the path are well formed already."""
        query = _query_of(request)
        if self.operation.body_rule == "none":
            members = self._query_values(query) if query else {}
        elif query:
            raise invalid(query[0][0], "is no parameter of this operation")
        if type(members) is not dict:
            raise invalid("body", "Expected `object`")
        if members:
            strict_json.check_values(members, "")
        ctx.body = members
        if ids:
            for name in self._path_fields:
                if name in members:
                    raise invalid(name, "Object contains unknown field")
            members = {**members, **dict(zip(self._path_fields, ids, strict=True))}
        return strict_json.validate(members, self.operation.request)

    def _query_values(self, query: list[tuple[str, str]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, text in query:
            if name not in self._known:
                raise invalid(name, "is no parameter of this operation")
            if name in values:
                raise invalid(name, "is repeated")
            if name in self._integers:
                if not _is_integer(text):
                    raise invalid(name, "Expected decimal digits")
                values[name] = int(text)
            else:
                values[name] = text
        return values


def refuse_query(request: web.BaseRequest) -> None:
    """For operations without parameters: any query parameter is a 422."""
    query = _query_of(request)
    if query:
        raise invalid(query[0][0], "is no parameter of this operation")


def _query_of(request: web.BaseRequest) -> list[tuple[str, str]]:
    """The query parameters; a query that is not percent-encoded UTF-8 is a 422."""
    raw = request.rel_url.raw_query_string
    if not raw:
        return []
    try:
        raw.encode("ascii")
        return parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise invalid("query", "is not percent-encoded UTF-8") from None


async def read_body(request: web.BaseRequest, ctx: Context) -> bytes:
    """The body, chunked or not.

    Raises:
        PayloadTooLarge: more than 65,536 bytes.
        MalformedJson: the client ended it early, or broke the chunked coding.
    """
    length = request.content_length
    if length is not None and length > MAX_BODY:
        raise PayloadTooLarge(f"A body has at most {MAX_BODY} bytes.")
    body = await read_at_most(request, ctx, MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise PayloadTooLarge(f"A body has at most {MAX_BODY} bytes.")
    return body


async def read_at_most(request: web.BaseRequest, ctx: Context, limit: int) -> bytes:
    """The first `limit` bytes of the body.

    Raises:
        MalformedJson: the client ended it early, or broke the chunked coding.
    """
    try:
        async with asyncio.timeout_at(ctx.deadline):
            return await _read(request.content, limit)
    except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError, TimeoutError):
        raise MalformedJson("The body did not arrive whole.") from None


async def _read(stream: aiohttp.StreamReader, limit: int) -> bytes:
    part = await stream.readany()
    if stream.at_eof() or len(part) >= limit:
        return part[:limit]
    parts, size = [part], len(part)
    while size < limit and (part := await stream.readany()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)[:limit]


def _idempotency_key(headers: CIMultiDictProxy[str]) -> str:
    values = headers.getall("Idempotency-Key", [])
    if not values:
        raise MissingIdempotencyKey("The Idempotency-Key header is needed here.")
    if len(values) > 1 or not _is_key(values[0]):
        raise InvalidIdempotencyKey("One key of 1 to 255 printable ASCII characters is needed.")
    return values[0]


def _takes_integer(kind: Any) -> bool:
    schema = msgspec.json.schema(kind)
    return schema.get("type") == "integer" or any(
        each.get("type") == "integer" for each in schema.get("anyOf", ())
    )
