"""The contract is whole: schemas are valid, examples fit them, codes and copies agree."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bench.contract.conformance.operations import all_operations, operation, template_of
from bench.contract.openapi import load_openapi, load_problems, resolve, standalone_schema
from bench.contract.publish import copies, rendered_contract


def media_types() -> Iterator[tuple[str, Any]]:
    """Every (place, media type object) of the contract that holds a schema."""
    for template, item in load_openapi()["paths"].items():
        for method, node in item.items():
            if method == "parameters":
                continue
            body = node.get("requestBody", {}).get("content", {})
            for content in body.values():
                yield f"{method} {template} body", content
            for status, response in node["responses"].items():
                for content in resolve(response)["content"].values():
                    yield f"{method} {template} {status}", content


def examples_of(content: Any) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    return [entry["value"] for entry in content["examples"].values()]


def test_every_schema_is_valid() -> None:
    for name, schema in load_openapi()["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("additionalProperties", False) is False, name


def test_every_body_has_an_example_that_fits_its_schema() -> None:
    for place, content in media_types():
        validator = Draft202012Validator(standalone_schema(content["schema"]))
        examples = examples_of(content)
        assert examples, place
        for example in examples:
            assert validator.is_valid(example), f"{place}: {example}"


def test_problem_schemas_say_what_problems_yaml_says() -> None:
    schemas = load_openapi()["components"]["schemas"]
    found = {}
    for name, schema in schemas.items():
        if name.endswith("Problem"):
            constants = {key: node.get("const") for key, node in schema["properties"].items()}
            found[constants["code"]] = {key: constants[key] for key in ("status", "title", "type")}
    assert found == dict(load_problems())


@pytest.mark.parametrize("code", load_problems())
def test_a_problems_type_is_its_code_with_hyphens(code: str) -> None:
    hyphenated = code.replace("_", "-")
    assert load_problems()[code]["type"] == f"https://shopbench.example/problems/{hyphenated}"


def test_every_problem_code_is_the_answer_of_some_operation() -> None:
    used = {
        example["code"]
        for _, content in media_types()
        for example in examples_of(content)
        if isinstance(example, dict) and "code" in example
    }
    # A path's other methods have no operation to stand at.
    assert used | {"method_not_allowed"} == set(load_problems())


def test_every_operation_says_what_goes_with_its_kind() -> None:
    for item in all_operations():
        node = load_openapi()["paths"][item.template][item.method.lower()]
        statuses = set(node["responses"])
        assert "422" in statuses, item.id
        assert ("401" in statuses) == (item.auth != "none" or item.id == "create_token"), item.id
        assert ("403" in statuses) == (item.auth == "staff"), item.id
        assert "413" in statuses, item.id  # of a GET too
        assert ("415" in statuses) == item.has_body, item.id
        assert ("404" in statuses) == item.has_path_id, item.id


def test_the_deployments_copies_are_the_contract() -> None:
    assert json.loads(rendered_contract()) == load_openapi()
    for copy, text in copies().items():
        assert copy.read_text(encoding="utf-8") == text, (
            f"{copy} is stale: python -m bench.contract.publish"
        )


def test_a_concrete_path_finds_its_template() -> None:
    some_id = "0192f0c1-2b4e-4d5a-9c3e-7a1f5b6c8d90"
    assert template_of("/api/v1/users/me") == "/api/v1/users/me"
    assert template_of(f"/api/v1/orders/{some_id}") == "/api/v1/orders/{order_id}"
    assert template_of(f"/api/v1/orders/{some_id.upper()}") is None
    assert template_of(f"/api/v1/orders/{some_id}/") is None


def test_the_table_knows_auth_key_and_body() -> None:
    cancel = operation("cancel_order")
    assert (cancel.auth, cancel.keyed, cancel.has_body, cancel.needs_body) == (
        *("user", True),
        *(True, False),
    )
    assert operation("create_product").auth == "staff"
    assert operation("list_products").query == ("q", "category", "sort", "limit", "cursor")
