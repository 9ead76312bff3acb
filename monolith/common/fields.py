"""The second pass over a body: strict typed validation, and the query string.

Not DRF serializers: their fields take "35", 35.0 and true for integers and trim strings, all of
which the contract refuses, and every request would deep-copy the declared fields.
A validator takes (value, path) and returns the value or raises ValidationFailed.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from monolith.common.errors import ValidationFailed

Validator = Callable[[Any, str], Any]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_EMAIL = re.compile(r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}")
_UPPER_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_LONGEST_NAME_ECHOED = 64


def integer(minimum: int, maximum: int) -> Validator:
    def validate(value: Any, path: str) -> int:
        if type(value) is not int or not minimum <= value <= maximum:
            raise ValidationFailed(path, f"must be an integer from {minimum} to {maximum}")
        return value

    return validate


def text(minimum: int, maximum: int) -> Validator:
    """A string counted in code points; white space only and NUL are refused, nothing is trimmed."""

    def validate(value: Any, path: str) -> str:
        if type(value) is not str or not minimum <= len(value) <= maximum:
            raise ValidationFailed(path, f"must be a string of {minimum} to {maximum} characters")
        if value.isspace() or "\0" in value:
            raise ValidationFailed(path, "must not be white space only, nor contain NUL")
        return value

    return validate


def email(value: Any, path: str) -> str:
    if type(value) is str:
        lowered = value.translate(_UPPER_TO_LOWER)
        if len(lowered) <= 254 and _EMAIL.fullmatch(lowered):
            return lowered
    raise ValidationFailed(path, "must be an email address of at most 254 characters")


def uuid(value: Any, path: str) -> str:
    if type(value) is not str or not _UUID.fullmatch(value):
        raise ValidationFailed(path, "must be a lower-case hyphenated UUID")
    return value


def is_uuid(value: object) -> bool:
    return type(value) is str and _UUID.fullmatch(value) is not None


def record(
    fields: Mapping[str, Validator], *, required: tuple[str, ...] | None = None
) -> Validator:
    """An object with these members, all required unless said otherwise, and no other."""
    needed = tuple(fields) if required is None else required

    def validate(value: Any, path: str) -> dict[str, Any]:
        if type(value) is not dict:
            raise ValidationFailed(path or "body", "must be an object")
        prefix = f"{path}." if path else ""
        for name in needed:
            if name not in value:
                raise ValidationFailed(prefix + name, "is required")
        for name in value:
            if name not in fields:
                raise ValidationFailed(prefix + name[:_LONGEST_NAME_ECHOED], "is unknown")
        return {name: fields[name](given, prefix + name) for name, given in value.items()}

    return validate


def changes(fields: Mapping[str, Validator]) -> Validator:
    """An object with at least one of these members."""
    validate_members = record(fields, required=())

    def validate(value: Any, path: str) -> dict[str, Any]:
        valid: dict[str, Any] = validate_members(value, path)
        if not valid:
            raise ValidationFailed(path or "body", "must name at least one change")
        return valid

    return validate


def sequence(item: Validator, minimum: int, maximum: int) -> Validator:
    def validate(value: Any, path: str) -> list[Any]:
        if type(value) is not list or not minimum <= len(value) <= maximum:
            raise ValidationFailed(path, f"must be a list of {minimum} to {maximum} items")
        return [item(given, f"{path}[{index}]") for index, given in enumerate(value)]

    return validate


def digits(minimum: int, maximum: int) -> Validator:
    """A query parameter that is a whole number: no sign, no leading zero."""

    def validate(value: str, path: str) -> int:
        plain = value.isascii() and value.isdigit() and len(value) <= len(str(maximum))
        if not plain or value[0] == "0" or not minimum <= int(value) <= maximum:
            raise ValidationFailed(path, f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return validate


def choice(*options: str) -> Validator:
    def validate(value: str, path: str) -> str:
        if value not in options:
            raise ValidationFailed(path, f"must be one of {', '.join(options)}")
        return value

    return validate


def parse_query(raw: str, parameters: Mapping[str, Validator]) -> dict[str, Any]:
    """Validate a query string: unknown, repeated and undecodable parameters are refused."""
    valid: dict[str, Any] = {}
    for pair in filter(None, raw.split("&")):
        raw_name, _, raw_value = pair.partition("=")
        name = _decoded(raw_name, "query")
        if name not in parameters:
            raise ValidationFailed(name[:_LONGEST_NAME_ECHOED], "is an unknown query parameter")
        if name in valid:
            raise ValidationFailed(name, "is repeated")
        valid[name] = parameters[name](_decoded(raw_value, name), name)
    return valid


def _decoded(raw: str, name: str) -> str:
    # WSGI hands bytes over as ISO-8859-1 characters.
    try:
        return unquote_to_bytes(raw.replace("+", " ").encode("iso-8859-1")).decode("utf-8")
    except UnicodeError:
        raise ValidationFailed(name, "must be percent-encoded UTF-8") from None
