"""The registry covers every statement, agrees with the experiments, and refuses bad entries."""

from collections import Counter
from pathlib import Path

import pytest

from bench.claims import REGISTRY, BadRegistry, experiment_of, read_registry, registry
from bench.experiments.runner import EXPERIMENTS
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
    """A new experiment changes `status` in claims.toml, and says what answers its claims."""
    stated = {name for name, each in registry().experiments.items() if each.built}
    offered = {name for name in EXPERIMENTS if not name.startswith("selftest-")}
    assert stated == offered


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


REDEPLOY = 'name = "redeploy"\nstatus = "not built"'
BOUNDARY = '[[claim]]\nid = "boundary-time"'


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        (BOUNDARY, f'{BOUNDARY}\ncolour = "red"', "claim 'boundary-time': Object contains unknown"),
        (BOUNDARY, '[[claim]]\nid = "whole-time"', "claim 'whole-time' stands there twice"),
        (BOUNDARY, "[[claim]]", r"claim 'number \d+': Object missing required field `id`"),
        ('experiment = "topologies"', 'experiment = "topologie"', "'cut-everything': there is no"),
        ('rule = "capacity"\n', "", "'capacity-equal-cpu': Object missing required field `rule`"),
        ('rule = "audit"', 'rule = "adit"', "claim 'data-lost': there is no rule 'adit'"),
        ('row = "codebase"', 'row = "code"', "'codebase-apart': there is no row 'code'"),
        ('direction = "less"', 'direction = "fewer"', "'codebase-size': Invalid enum value"),
        ('statements = ["advantage.6"]', "statements = []", "'codebase-size': names no statement"),
        ('answers = ["network/', 'answers = ["netwrk/', "'slow-network': 'netwrk/"),
        ('answers = ["capacity/*/microservices:monolith"]', "answers = []", "say what answers it"),
        (REDEPLOY, REDEPLOY.replace("not built", "soon"), "experiment 'redeploy': Invalid"),
        ('experiments = ["redeploy"]', 'experiments = ["deploy"]', "row 'deployment': there is no"),
        ("[rules]", "[rule]", "look at: rule, rules"),
        ("[[experiment]]", "[[experiment]", "line"),
    ],
)
def test_a_bad_entry_is_one_line_that_names_it(
    tmp_path: Path, find: str, put: str, says: str
) -> None:
    text = REGISTRY.read_text(encoding="utf-8")
    assert find in text
    path = tmp_path / "claims.toml"
    path.write_text(text.replace(find, put, 1), encoding="utf-8")
    with pytest.raises(BadRegistry, match=says) as caught:
        read_registry(path)
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 3


def test_a_registry_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadRegistry, match="No such file"):
        read_registry(tmp_path / "claims.toml")
