"""The strict field and serializer classes of every request, and which of its faults comes first.

DRF's own take "35", 35.0 and true for integers, trim strings and ignore unknown members.
"""

import re
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.settings import api_settings

LONGEST_NAME_ECHOED = 64

is_uuid = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_is_email = re.compile(r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}").fullmatch
_is_whole_number = re.compile(r"[1-9][0-9]*", re.ASCII).fullmatch
# str.lower() would turn other letters into ASCII ones: the Kelvin sign becomes a k.
_UPPER_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer and nothing else that Python would take for one."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class StrictCharField(serializers.CharField):
    """A string as it is, counted in code points; white space only and NUL are refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if type(data) is not str:
            self.fail("invalid")
        if data.isspace():
            self.fail("blank")
        return data


class StrictEmailField(StrictCharField):
    """An address, lowered in ASCII only."""

    default_error_messages = {"email": "Enter a valid email address."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        lowered = super().to_internal_value(data).translate(_UPPER_TO_LOWER)
        if not _is_email(lowered):
            self.fail("email")
        return lowered


class StrictUUIDField(serializers.UUIDField):
    """Lower case with hyphens."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not str or not is_uuid(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A query parameter: digits without sign or leading zero."""

    def to_internal_value(self, data: Any) -> int:
        if not _is_whole_number(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer):
    """An object with the declared members and no other. As it stands: one without members."""

    def to_internal_value(self, data: Any) -> Any:
        names = data if isinstance(data, dict) else ()
        unknown = {
            name[:LONGEST_NAME_ECHOED]: [ErrorDetail("This member is unknown.", "unknown")]
            for name in names
            if name not in self.fields
        }
        try:
            valid = super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError({**unknown, **error.detail}) from None
        if unknown:
            raise ValidationError(unknown)
        return valid


def first_fault(detail: Any, path: str | None = None) -> tuple[str, str]:
    """The field that the contract names first, and what is wrong with it.

    Of an object its unknown members, then its missing ones, then its wrong values, then what is
    wrong inside of its members; of a list the first item. `detail` is what DRF's ValidationError
    carries: within each kind it has the order of the body or of the schema already.
    """
    if isinstance(detail, dict) and _is_wrong_itself(detail):
        detail = detail[api_settings.NON_FIELD_ERRORS_KEY]
    if isinstance(detail, list):
        return "body" if path is None else path, str(detail[0])
    name = min(detail, key=lambda name: _rank(name, detail[name]))
    if isinstance(name, int):
        return first_fault(detail[name], f"{path}[{name}]")
    return first_fault(detail[name], name if path is None else f"{path}.{name}")


def _rank(name: str | int, fault: Any) -> int:
    if isinstance(name, int):
        return 0
    if isinstance(fault, list):
        return {"unknown": 0, "required": 1}.get(fault[0].code, 2)
    return 2 if _is_wrong_itself(fault) else 3


def _is_wrong_itself(detail: dict[Any, Any]) -> bool:
    """Whether an object or a list is no object, no list, or wrong as a whole."""
    own = detail.get(api_settings.NON_FIELD_ERRORS_KEY)
    return bool(own) and own[0].code != "unknown"
