"""DRF's parser for the contract's one media type, and the negotiation that ignores `Accept`."""

from collections.abc import Sequence
from typing import IO, Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from monolith.common.errors import UnsupportedMediaType
from monolith.common.json_body import parse_json


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> Any:
        """The body as plain objects. Raises UnsupportedMediaType, then MalformedJson."""
        context = parser_context or {}
        encoding = context["request"].META.get("HTTP_CONTENT_ENCODING", "identity")
        if encoding.lower() != "identity":
            raise UnsupportedMediaType("Only the identity encoding is taken")
        body = stream.read()
        if not body:
            return parse_json(context["view"].empty_body)
        if (media_type or "").partition(";")[0].strip().lower() != self.media_type:
            raise UnsupportedMediaType("Only application/json is taken")
        return parse_json(body)


class IgnoreClientContentNegotiation(BaseContentNegotiation):
    """The only parser, which knows 413 before 415; the only renderer, whatever `Accept` says."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type
