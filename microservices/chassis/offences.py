"""Which field of a refused request is named first; computed on refusal only.

Of an object: its unknown members in the order of the body, its missing ones in the order of the
schema, its wrong values in the order of the schema, then its children in order. msgspec stops at
the first fault that it meets, which is often another one.
"""

from collections.abc import Collection, Iterator
from typing import Any, get_args

import msgspec
from msgspec import Struct, inspect

LONGEST_NAME = 64  # of a name that is none of ours, more is not echoed
Offence = tuple[str, str]  # field, message


def first_offence(value: Any, kind: Any, hidden: Collection[str] = ()) -> Offence | None:
    """The field that the contract names, and why; None if each field is right by itself.

    Args:
        value: Plain objects, as JSON has them.
        kind: The struct that they were to become.
        hidden: Members of `kind` that do not come from `value`, which may not hold them.
    """
    wrong = _wrong(value, kind)
    if wrong is not None:
        return "body", wrong
    return next(_inside(value, kind, "", hidden), None)


def refused_everywhere(value: Any) -> str | None:
    """Why no field of any request may hold this text or number."""
    if type(value) is float:
        return "Expected an integer without fraction or exponent"
    if type(value) is str and "\x00" in value:
        return "holds a NUL character"
    if type(value) is str and value.isspace():
        return "is white space only"
    return None


def _inside(value: Any, kind: Any, path: str, hidden: Collection[str] = ()) -> Iterator[Offence]:
    """The offences below a value that is itself of the right sort."""
    shape = inspect.type_info(kind)
    if isinstance(shape, inspect.StructType):
        yield from _in_object(value, shape.cls, f"{path}." if path else "", hidden)
    elif isinstance(shape, inspect.ListType):
        item = _item_of(kind)
        for index, each in enumerate(value):
            wrong = _wrong(each, item)
            if wrong is not None:
                yield f"{path}[{index}]", wrong
            yield from _inside(each, item, f"{path}[{index}]")


def _in_object(
    members: dict[str, Any], kind: type[Struct], prefix: str, hidden: Collection[str]
) -> Iterator[Offence]:
    fields = [each for each in msgspec.structs.fields(kind) if each.encode_name not in hidden]
    known = {field.encode_name for field in fields}
    unknown = (name[:LONGEST_NAME] for name in members if name not in known)
    yield from ((prefix + name, "is unknown") for name in unknown)
    for field in fields:
        if field.required and field.encode_name not in members:
            yield prefix + field.encode_name, "is required"
    given = [(each.encode_name, each.type) for each in fields if each.encode_name in members]
    for name, its_kind in given:
        wrong = _wrong(members[name], its_kind)
        if wrong is not None:
            yield prefix + name, wrong
    for name, its_kind in given:
        yield from _inside(members[name], its_kind, prefix + name)


def _wrong(value: Any, kind: Any) -> str | None:
    """What is wrong with a value by itself, whatever it holds."""
    shape = inspect.type_info(kind)
    if isinstance(shape, inspect.StructType):
        return None if type(value) is dict else "Expected an object"
    if isinstance(shape, inspect.ListType):
        return _wrong_list(value, shape)
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return refused_everywhere(value)


def _wrong_list(value: Any, shape: inspect.ListType) -> str | None:
    if type(value) is not list:
        return "Expected an array"
    least, most = shape.min_length or 0, shape.max_length or len(value)
    return None if least <= len(value) <= most else f"Expected {least} to {most} items"


def _item_of(kind: Any) -> Any:
    """`X` of `list[X]`, which may stand in an `Annotated`."""
    listed = kind.__origin__ if hasattr(kind, "__metadata__") else kind
    return get_args(listed)[0]
