"""A request's body and query string, read as the contract wants them.

DRF and Django read nothing of a chunked body, take the last of repeated query parameters, and
replace what is no UTF-8.
"""

import io
from collections.abc import Container
from urllib.parse import parse_qsl

from gunicorn.http.errors import ParseException
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from monolith.common.errors import MalformedJson, PayloadTooLarge
from monolith.common.fields import LONGEST_NAME_ECHOED

MAX_BODY_BYTES = 65_536
_CHUNK_BYTES = 65_536
# A client that sends more than this after its request was refused is cut off.
_DRAIN_BYTES = 8 * 1024 * 1024


class ShopRequest(Request):
    """DRF's request with the body read by `read_body`, before anybody asks for its data."""

    received = b""

    @property
    def stream(self) -> io.BytesIO:
        return io.BytesIO(self.received)

    def read_body(self) -> None:
        """Read the whole body. Raises PayloadTooLarge; MalformedJson if it ended too soon."""
        declared = self.META.get("CONTENT_LENGTH") or ""
        if declared.isdigit():
            if int(declared) > MAX_BODY_BYTES:
                raise PayloadTooLarge
            self.received = self._read(int(declared))
            if len(self.received) < int(declared):
                # Cut off, it may still be JSON; nobody is there to be answered.
                raise MalformedJson("The body is incomplete")
        elif "HTTP_TRANSFER_ENCODING" in self.META:
            self.received = self._read(MAX_BODY_BYTES + 1)
            if len(self.received) > MAX_BODY_BYTES:
                raise PayloadTooLarge

    def _read(self, size: int) -> bytes:
        try:
            body: bytes = self.META["wsgi.input"].read(size)
        except (ParseException, OSError) as error:
            raise MalformedJson("The body is incomplete") from error
        return body


def drain_body(request: ShopRequest) -> None:
    """Read on what a refused request still sends, or its sender would see a reset, no answer."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdigit():
        left = min(int(declared) - len(request.received), _DRAIN_BYTES)
    else:
        left = _DRAIN_BYTES if "HTTP_TRANSFER_ENCODING" in request.META else 0
    if left <= MAX_BODY_BYTES // 2:  # Gunicorn itself reads on a small rest
        return
    stream = request.META["wsgi.input"]
    try:
        while left > 0 and (chunk := stream.read(min(left, _CHUNK_BYTES))):
            left -= len(chunk)
    except (ParseException, OSError):
        return


def query_of(request: Request, names: Container[str]) -> dict[str, str]:
    """The query's parameters. Raises ValidationError for one that is unknown or repeated."""
    raw = request.META.get("QUERY_STRING", "")
    if not raw:
        return {}
    try:
        # WSGI hands bytes over as ISO-8859-1 characters.
        text = raw.encode("iso-8859-1").decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeError:
        raise ValidationError({"query": ["This is no percent-encoded UTF-8."]}) from None
    for name, _ in pairs:
        if name not in names:
            raise ValidationError({name[:LONGEST_NAME_ECHOED]: ["This parameter is unknown."]})
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise ValidationError({name: ["This parameter is repeated."]})
        found[name] = value
    return found
