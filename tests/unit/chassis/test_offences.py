"""The field that is named first of a request with several faults; only faults are named."""

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from microservices.chassis.errors import ValidationFailed
from microservices.chassis.strict_json import validate

Count = Annotated[int, Meta(ge=1, le=9)]


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    count: Count


class Basket(Struct, frozen=True, forbid_unknown_fields=True):
    label: Annotated[str, Meta(min_length=1, max_length=3)]
    lines: Annotated[list[Line], Meta(min_length=1, max_length=3)]
    size: Count | UnsetType = UNSET


GOOD = {"code": "a", "count": 1}
FIRST = {
    "unknown before missing": ({"lable": "a"}, "lable"),
    "a long name is cut": ({"x" * 65: 1}, "x" * 64),
    "unknown in the body's order": ({"y": 1, "label": 0, "x": 1}, "y"),
    "missing before wrong": ({"label": 5}, "lines"),
    "missing in the schema's order": ({"size": 0}, "label"),
    "wrong in the schema's order": ({"size": 0, "lines": [GOOD], "label": ""}, "label"),
    "null is a wrong value": ({"label": None, "lines": [GOOD]}, "label"),
    "no array": ({"size": 0, "lines": {}, "label": "a"}, "lines"),
    "too few": ({"label": "a", "lines": []}, "lines"),
    "too many": ({"label": "a", "lines": [GOOD] * 4}, "lines"),
    "own values before children": ({"label": "a", "lines": [{"x": 1}], "size": 0}, "size"),
    "children in order": ({"label": "a", "lines": [GOOD, {"code": "a"}, 5]}, "lines[1].count"),
    "a child that is no object": ({"label": "a", "lines": [GOOD, 5]}, "lines[1]"),
    "unknown in a child first": ({"label": "a", "lines": [{"x": 1}]}, "lines[0].x"),
    "white space only": ({"label": " ", "lines": [{"x": 1}]}, "label"),
    "NUL in a child": ({"label": "a", "lines": [{"code": "\0", "count": 0}]}, "lines[0].code"),
    "a float": ({"label": "a", "lines": [{"code": 1, "count": 2.0}]}, "lines[0].code"),
    "a float alone": ({"label": "a", "lines": [GOOD | {"count": 2.0}]}, "lines[0].count"),
    "junk in an unknown member": ({"label": "\0", "junk": [[2.5]]}, "junk"),
}


@pytest.mark.parametrize(("body", "field"), FIRST.values(), ids=FIRST.keys())
def test_the_first_is(body: object, field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        validate(body, Basket)
    assert [name for name, _ in caught.value.errors] == [field]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 11) | st.floats(0, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["label", "lines", "size", "code", "count", "x"]), inner)
    ),
    max_leaves=12,
)
LINE = st.fixed_dictionaries({"code": st.text(max_size=2) | JSON, "count": st.integers(0, 10)})
BASKET = st.fixed_dictionaries(
    {"label": st.text(max_size=4), "lines": st.lists(LINE, max_size=4)}, optional={"size": JSON}
)


@given(BASKET | JSON)
def test_a_field_is_named_exactly_if_the_body_is_refused(body: object) -> None:
    """`body` is the whole; of an object it never comes without a better name."""
    try:
        basket = validate(body, Basket)
    except ValidationFailed as refused:
        ((field, message),) = refused.errors
        assert message
        assert (field == "body") == (type(body) is not dict)
    else:
        assert msgspec.to_builtins(basket) == body
