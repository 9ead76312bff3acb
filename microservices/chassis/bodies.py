"""Bodies of requests: read whole within a bound and a time, then judged and parsed."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy

from microservices.chassis import strict_json
from microservices.chassis.errors import MalformedJson, UnsupportedMediaType
from microservices.chassis.operations import Body

MAX_BODY = 65_536
WHOLE_SECONDS = 5.0
JSON = "application/json"
_TOO_LARGE = bytes(MAX_BODY + 1)


async def read_whole(request: web.Request) -> bytes:
    """The body, chunked or not; of a larger one than is allowed, one byte more than that.

    Raises:
        HTTPRequestTimeout: it is not here after 5 s.
        MalformedJson: the client ended it early, or broke the chunked coding.
    """
    length = request.content_length
    if length is not None and length > MAX_BODY:
        return _TOO_LARGE
    body = bytearray()
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            async for part in request.content.iter_any():
                body += part
                if len(body) > MAX_BODY:
                    break
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, OSError):
        raise MalformedJson("The body did not arrive whole.") from None
    return bytes(body[: MAX_BODY + 1])


def parse_body(headers: CIMultiDictProxy[str], body: bytes, rule: Body) -> Any:
    """The first pass: encoding, media type, then syntax.

    Raises:
        UnsupportedMediaType, MalformedJson
    """
    if not _is_identity(headers.getall("Content-Encoding", ())):
        raise UnsupportedMediaType("Content-Encoding other than identity is not accepted.")
    if not body and rule == "optional":
        return {}
    if not body:
        raise MalformedJson("A JSON body is needed.")
    media_type = headers.get("Content-Type", "")
    if media_type != JSON and media_type.partition(";")[0].strip().lower() != JSON:
        raise UnsupportedMediaType(f"The body must be {JSON}.")
    return strict_json.parse(body)


def _is_identity(encodings: Sequence[str]) -> bool:
    return not encodings or (len(encodings) == 1 and encodings[0].strip().lower() == "identity")
