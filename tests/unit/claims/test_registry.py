"""The registry covers every statement, agrees with the experiments, and refuses bad entries."""

from collections import Counter
from pathlib import Path

import pytest

from bench.claims import FILE, REGISTRY, BadRegistry, claim_files, read_registry, registry
from bench.registry import registered
from bench.results.verdict import experiment_of
from tests.unit.claims.statements import STATEMENTS

SECTIONS = {
    "introduction": 1, "characteristic": 6, "advantage": 6, "challenge": 5, "use": 4, "avoid": 3,
    "table": 12, "conclusion": 2,
}  # fmt: skip


def test_the_list_of_statements_has_every_section_whole() -> None:
    assert Counter(name.split(".")[0] for name in STATEMENTS) == SECTIONS
    rows = {name.split(".")[1] for name in STATEMENTS if name.startswith("table.")}
    assert rows == {row.id for row in registry().rows}


def test_every_statement_is_put_to_the_test_by_a_claim() -> None:
    covered = {name for claim in registry().claims for name in claim.statements}
    assert not STATEMENTS.keys() - covered


def test_every_claim_says_which_statements_it_is_taken_from() -> None:
    unknown = {
        claim.id: odd
        for claim in registry().claims
        if (odd := set(claim.statements) - STATEMENTS.keys())
    }
    assert not unknown


def test_a_statement_of_the_table_is_claimed_in_its_row() -> None:
    for row in registry().rows:
        for arm in ("monolith", "microservices"):
            takers = [c for c in registry().claims if f"table.{row.id}.{arm}" in c.statements]
            assert takers
            assert {claim.row for claim in takers} == {row.id}


def test_built_means_that_shopbench_run_knows_it() -> None:
    """A folder that holds claims and nothing else is not built yet."""
    folders = {each.folder.name for each in registered() if (each.folder / FILE).is_file()}
    assert {name for name, each in registry().experiments.items() if each.built} == folders
    assert folders <= {each.name for each in registered()}


@pytest.mark.parametrize(
    ("name", "experiment"),
    [
        ("network:services@2ms/0%", "network"),
        ("latency/mixed@150/microservices:monolith/all/cpu_ms_per_request", "latency"),
        ("selftest-gates", "selftest-gates"),
    ],
)
def test_a_name_is_led_back_to_its_experiment(name: str, experiment: str) -> None:
    assert experiment_of(name) == experiment


BOUNDARY = '[[claim]]\nid = "boundary-time"'
CAPACITY = 'answers = ["capacity/*/microservices:monolith"]'


@pytest.mark.parametrize(
    ("experiment", "find", "put", "says"),
    [
        ("latency", BOUNDARY, f'{BOUNDARY}\ncolour = "red"', "claim 'boundary-time': Object conta"),
        ("latency", BOUNDARY, '[[claim]]\nid = "whole-time"', "'whole-time' stands there twice"),
        (
            "latency",
            BOUNDARY,
            "[[claim]]",
            r"claim 'number \d+': Object missing required field",
        ),
        ("capacity", 'rule = "capacity"\n', "", "'capacity-equal-cpu': Object missing required fi"),
        ("consistency", 'rule = "audit"', 'rule = "adit"', "'data-lost': there is no rule 'adit'"),
        (
            "complexity",
            'row = "codebase"',
            'row = "code"',
            "'codebase-apart': there is no row 'code'",
        ),
        (
            "redeploy",
            'direction = "less"',
            'direction = "fewer"',
            "'release-one-service': Invalid enum",
        ),
        ("change", 'statements = ["advantage.6"]', "statements = []", "names no statement"),
        ("network", 'answers = ["network/', 'answers = ["netwrk/', "'slow-network': 'netwrk/"),
        ("capacity", CAPACITY, "answers = []", "say what answers it"),
        ("capacity", 'rows = ["scalability"]', 'rows = ["size"]', "there is no row 'size'"),
        ("capacity", "measures = ", "status = ", "there is no table or key 'status'"),
        (
            "redeploy",
            'rows = ["deployment"]',
            'rows = ["release"]',
            "'redeploy': there is no row",
        ),
        ("", "[rules]", "[rule]", "look at: rule, rules"),
        ("", "[[row]]", "[[row]", "line"),
    ],
)
def test_a_bad_entry_is_one_line_that_names_it(
    tmp_path: Path, experiment: str, find: str, put: str, says: str
) -> None:
    files = claim_files()
    wrong = files.get(experiment, REGISTRY)
    text = wrong.read_text(encoding="utf-8")
    assert find in text
    path = tmp_path / "claims.toml"
    path.write_text(text.replace(find, put, 1), encoding="utf-8")
    asked = (REGISTRY, {**files, experiment: path}) if experiment else (path, files)
    with pytest.raises(BadRegistry, match=says) as caught:
        read_registry(*asked)
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 3


def test_a_rule_that_one_experiment_uses_stands_in_its_folder(tmp_path: Path) -> None:
    text = claim_files()["technology"].read_text(encoding="utf-8")
    rows, claims = text.split("[[claim]]", 1)
    own = tmp_path / "own.toml"
    own.write_text(f"{rows}[rules]\nnobody-else = 'mine'\n\n[[claim]]{claims}", encoding="utf-8")
    found = read_registry(REGISTRY, {**claim_files(), "technology": own})
    assert found.rules["nobody-else"] == "mine"
    twice = tmp_path / "twice.toml"
    twice.write_text(own.read_text(encoding="utf-8").replace("nobody-else", "tried"), "utf-8")
    with pytest.raises(BadRegistry, match="rule 'tried' stands there twice"):
        read_registry(REGISTRY, {**claim_files(), "technology": twice})


def test_a_registry_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadRegistry, match="No such file"):
        read_registry(tmp_path / "claims.toml")
