"""Reading a request's body from the WSGI stream: size, encoding and media type (413, 415).

Not `request.body`: Django reads nothing of a chunked body, which has no Content-Length.
"""

from typing import Any

from django.http import HttpRequest
from gunicorn.http.errors import ParseException

from monolith.common.errors import MalformedJson, PayloadTooLarge, UnsupportedMediaType

MAX_BODY_BYTES = 65_536
_CHUNK_BYTES = 65_536
# A client that sends more than this after its request was refused is cut off.
_DRAIN_BYTES = 8 * 1024 * 1024


def read_body(request: HttpRequest, empty: bytes = b"") -> bytes:
    """The body, or `empty` if there is none.

    Raises:
        PayloadTooLarge, UnsupportedMediaType: as they say.
        MalformedJson: the body ended before it was complete.
    """
    environ = request.META
    body = _read(environ)
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("Only the identity encoding is taken")
    if not body:
        return empty
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Only application/json is taken")
    return body


def _read(environ: dict[str, Any]) -> bytes:
    declared = environ.get("CONTENT_LENGTH") or ""
    if declared.isdigit():
        if int(declared) > MAX_BODY_BYTES:
            raise PayloadTooLarge
        wanted = int(declared)
    elif "HTTP_TRANSFER_ENCODING" in environ:
        wanted = MAX_BODY_BYTES + 1
    else:
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(wanted)
    except (ParseException, OSError) as error:
        raise MalformedJson("The body is incomplete") from error
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLarge
    if declared and len(body) < wanted:
        # Cut off, it may still be JSON; nobody is there to be answered.
        raise MalformedJson("The body is incomplete")
    return body


def drain_body(request: HttpRequest) -> None:
    """Read on what a refused request still sends, so that its sender gets to see the answer."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    # Gunicorn itself reads on a small rest.
    if declared.isdigit() and int(declared) <= MAX_BODY_BYTES // 2:
        return
    if not declared and "HTTP_TRANSFER_ENCODING" not in request.META:
        return
    stream = request.META["wsgi.input"]
    left = min(int(declared), _DRAIN_BYTES) if declared.isdigit() else _DRAIN_BYTES
    try:
        while left > 0:
            chunk = stream.read(min(left, _CHUNK_BYTES))
            if not chunk:
                return
            left -= len(chunk)
    except (ParseException, OSError):
        return
