"""An operation bound to its service: the handler of its HTTP route, and its in-memory entry.

The middlewares have run the checks up to the idempotency key by then; validation is here.
"""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from microservices.chassis import faults, strict_json
from microservices.chassis.context import Context, current
from microservices.chassis.errors import PROBLEM_JSON, Forbidden, Unauthenticated
from microservices.chassis.key_store import KeyStore
from microservices.chassis.operations import PLACEHOLDER, Operation, Reply
from microservices.chassis.queries import integers_of, query_of, query_values, unknown_parameter
from microservices.chassis.service_tokens import ServiceVerifier
from microservices.chassis.tokens import authenticate_user


class Endpoint:
    """One operation of one component in this process.

    Args:
        component: Whose operation it is.
        keys: Verifies user tokens; needed by operations of users.
        services: Verifies service tokens; needed by internal operations reached over HTTP.
    """

    def __init__(
        self,
        component: str,
        operation: Operation,
        service: Any,
        keys: KeyStore | None = None,
        services: ServiceVerifier | None = None,
    ) -> None:
        self.component = component
        self.operation = operation
        self._service = service
        self._keys = keys
        self._services = services
        ids = set(PLACEHOLDER.findall(operation.path))
        fields = [f for f in msgspec.structs.fields(operation.request) if f.encode_name not in ids]
        self._known = [field.encode_name for field in fields]
        self._integers = integers_of(fields)

    async def handle(self, request: web.Request) -> web.Response:
        """Answers an HTTP request."""
        ctx = current()
        message = self._validated(request, ctx)
        answer = await self.operation.handler(self._service, ctx, message)
        if not isinstance(answer, Reply):
            answer = Reply.of(self.operation.status, answer)
        return response_of(answer)

    async def invoke(self, ctx: Context, message: Struct, as_user: bool) -> Struct | Reply:
        """The in-memory entry: the caller is of this process, the message is already typed."""
        if as_user:
            await self._authorize_user(ctx)
        if faults.armed():
            await faults.enter_operation(self.component, ctx.poison)
        return await self.operation.handler(self._service, ctx, message)

    async def authorize(self, ctx: Context) -> None:
        """Lets `ctx.token` pass if it is of somebody who may do this.

        Raises:
            Unauthenticated, Forbidden, DependencyUnavailable
        """
        if self.operation.auth != "service":
            await self._authorize_user(ctx)
        elif self._services is None:
            raise Unauthenticated("This process takes no service tokens.")
        else:
            self._services.verify(ctx.token, self.operation.callers)

    async def _authorize_user(self, ctx: Context) -> None:
        assert self._keys is not None, f"{self.operation.name} verifies tokens without keys"
        await authenticate_user(ctx, self._keys)
        if self.operation.auth == "staff" and not ctx.staff:
            raise Forbidden("Only staff may do this.")

    def _validated(self, request: web.Request, ctx: Context) -> Struct:
        """Query, values, types. The ids of the path are well formed already."""
        query = query_of(request)
        if self.operation.body_rule == "none":
            ctx.body = query_values(query, self._known, self._integers)
        elif query:
            raise unknown_parameter(query[0][0])
        return strict_json.validate(ctx.body, self.operation.request, request.match_info)


def response_of(reply: Reply) -> web.Response:
    """An encoded answer as aiohttp's response."""
    usual = "application/json" if reply.status < 400 else PROBLEM_JSON
    headers = {"Content-Type": reply.media_type or usual}
    return web.Response(status=reply.status, body=reply.body, headers=headers)
