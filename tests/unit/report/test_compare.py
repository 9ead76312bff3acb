"""Two runs compared: what counts as different, what the surroundings explain, what is said."""

import json
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.report.analysis import analyse
from bench.report.compare import Comparison, compare_runs
from bench.report.environment import environment_differences
from bench.report.run_comparison import EXPLAINED, changes
from tests.unit.report.factory import PAIR, Rounds, make_run, pair_run

pytestmark = pytest.mark.usefixtures("unpainted")

FASTER = {**PAIR, "microservices": 0.9}


def second_run(tmp_path: Path, *, profile: str = "quick", **changes_: object) -> Path:
    plan = pair_run(**{"seed": 9, **changes_})
    return make_run(tmp_path, Rounds(plan.made, profile=profile, counted=False), "second")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), pair_run(), "first")


def named_words(a: Path, b: Path) -> dict[str, str]:
    one, two = analyse(a), analyse(b)
    different = environment_differences(one.data.journal, two.data.journal)
    named, _ = changes(one, two, different)
    return {c.asked.label.partition("monolith, ")[2]: c.word for c in named}


def edit_machine(run: Path, **facts: object) -> None:
    edit_journal(run, lambda journal: journal["machine"].update(facts))


def edit_journal(run: Path, change) -> None:  # type: ignore[no-untyped-def]
    journal = json.loads((run / "journal.json").read_text(encoding="utf-8"))
    change(journal)
    (run / "journal.json").write_text(json.dumps(journal), encoding="utf-8")


def compared(first: Path, second: Path, tmp_path: Path) -> Comparison:
    return compare_runs(first, second, tmp_path / "page.html")


def test_the_same_shop_measured_twice_is_not_called_different(first: Path, tmp_path: Path) -> None:
    words = named_words(first, second_run(tmp_path))
    assert words
    assert "different" not in words.values()


def test_a_ratio_that_moved_is_called_different(first: Path, tmp_path: Path) -> None:
    words = named_words(first, second_run(tmp_path, slower={**PAIR, "microservices": 1.9}))
    assert words["time of the mix of requests"] == "different"
    assert words["CPU of the mix of requests"] != "different"


def test_on_another_machine_it_is_not_attributable(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path, slower={**PAIR, "microservices": 1.9})
    edit_machine(other, cpu="Another CPU")
    assert named_words(first, other)["time of the mix of requests"] == EXPLAINED


def test_a_fact_that_changes_by_the_minute_is_no_difference(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path)
    edit_machine(other, load_average=[9, 9, 9])
    one, two = analyse(first), analyse(other)
    assert environment_differences(one.data.journal, two.data.journal) == []


def test_smoke_runs_are_compared_without_a_claim(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path, profile="smoke", slower={**PAIR, "microservices": 3.0})
    assert set(named_words(first, other).values()) == {"inconclusive"}


def test_the_comparison_is_one_page_with_both_machines(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path, slower=FASTER)
    edit_machine(other, cpu="Another CPU")
    page = compare_runs(first, other, tmp_path / "out.html").page
    text = page.read_text(encoding="utf-8")
    assert page == tmp_path / "out.html"
    assert "Invented CPU" in text
    assert "Another CPU" in text
    assert EXPLAINED in text
    assert "The verdict flipped" in text
    assert "://" not in text


def test_the_comparison_stands_beside_the_first_run_by_default(first: Path, tmp_path: Path) -> None:
    page = compare_runs(first, second_run(tmp_path)).page
    assert (page.parent, page.name) == (first.parent, "compare-first-second.html")
    assert compare_runs(first, second_run(tmp_path / "b"), tmp_path).page.parent == tmp_path


def test_a_run_is_not_compared_with_itself(first: Path) -> None:
    with pytest.raises(ShopbenchError, match="same folder") as caught:
        compare_runs(first, first)
    assert caught.value.exit_code == 2


def test_two_runs_of_one_shop_agree_in_one_sentence(first: Path, tmp_path: Path) -> None:
    found = compared(first, second_run(tmp_path), tmp_path)
    assert found.agreement.agree is True
    assert found.agreement.tested == len(found.named) == 8
    assert "the two runs agree: no difference by Holm over 8 metrics, no verdict flips" in (
        found.agreement.line
    )


def test_a_moved_ratio_and_a_flipped_verdict_are_said_by_name(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path, slower=FASTER)
    found = compared(first, other, tmp_path)
    assert found.agreement.agree is False
    assert any(
        x.startswith("microservices : monolith, time of an order ×0.5")
        for x in found.agreement.differing
    )
    assert any("Does an order take longer" in x for x in found.agreement.flips)
    assert found.agreement.line.startswith("the two runs differ in 4 of 8 metrics by Holm")


def test_a_difference_too_small_to_matter_is_still_a_difference_by_holm(tmp_path: Path) -> None:
    exact = {"scatter": 0.0004, "starts": 20, "operations": ("order",)}
    one = make_run(tmp_path, pair_run(**exact), "one")
    slower = {**PAIR, "microservices": PAIR["microservices"] * 1.02}
    two = make_run(tmp_path, pair_run(**exact, seed=2, slower=slower), "two")
    found = compared(one, two, tmp_path)
    assert found.agreement.agree is False
    assert {c.word for c in found.named} <= {"no difference shown", "inconclusive"}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("commit", lambda j: j.update(commit="f" * 40)),
        ("local changes", lambda j: j.update(dirty=True)),
        ("CPU budget and pinning enforced", lambda j: j.update(controlled=False)),
        ("version: django", lambda j: j["versions"].update(django="6.0")),
        ("setting: request timeout s", lambda j: j["settings"].update(request_timeout_s=9.0)),
    ],
)
def test_what_the_surroundings_explain_is_not_called_different(
    first: Path,
    tmp_path: Path,
    name: str,
    change,  # type: ignore[no-untyped-def]
) -> None:
    other = second_run(tmp_path, slower=FASTER)
    edit_journal(other, change)
    found = compared(first, other, tmp_path)
    assert "different" not in {c.word for c in (*found.named, *found.exploratory)}
    assert [d.name for d in found.different] == [name]
    assert f"{EXPLAINED}: {name}" in found.agreement.line


def test_what_a_run_found_out_is_no_surrounding(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path)
    found = {
        "capacity": {"results": [1]},
        "capacity_rps": {"mixed": {}},
        "stopped": ["x"],
        "slo": {"p95_ms": 200.0},
    }
    edit_journal(other, lambda j: j["settings"].update(found))
    assert compared(first, other, tmp_path).different == ()


def test_runs_that_share_no_named_metric_neither_agree_nor_differ(tmp_path: Path) -> None:
    two_frameworks = {"monolith": 1.0, "monolith#2": 1.0, "modular": 0.5}
    one = make_run(tmp_path, pair_run(slower=two_frameworks), "one")
    two = make_run(tmp_path, pair_run(slower=two_frameworks, seed=3), "two")
    found = compared(one, two, tmp_path)
    assert found.agreement.agree is None
    assert "nothing could be compared" in found.agreement.line


def test_runs_are_compared_over_starts_by_welch(first: Path, tmp_path: Path) -> None:
    found = compared(first, second_run(tmp_path, starts=9), tmp_path)
    times = [c.moved for c in found.named if ", time of " in c.asked.label]
    assert all(moved is not None and moved.low < 1.0 < moved.high for moved in times)
    assert {(c.first.n_blocks, c.second.n_blocks) for c in found.named} == {(6, 9)}


def test_both_runs_percentiles_and_ratios_are_drawn(first: Path, tmp_path: Path) -> None:
    text = compared(first, second_run(tmp_path), tmp_path).page.read_text(encoding="utf-8")
    assert 'id="compare-ratios"' in text or "compare-ratios" in text
    assert "Welch's t interval over starts" in text
    assert "monolith#2" not in text


def test_the_comparison_as_json_holds_both_machines_and_every_change(
    first: Path, tmp_path: Path
) -> None:
    other = second_run(tmp_path)
    edit_machine(other, cpu="Another CPU")
    document = json.loads(json.dumps(compared(first, other, tmp_path).as_json()))
    assert [run["machine"]["cpu"] for run in document["runs"]] == ["Invented CPU", "Another CPU"]
    assert document["environment_differences"] == [
        {"name": "machine: cpu", "first": "Invented CPU", "second": "Another CPU"}
    ]
    assert len(document["named"]) == 8
    assert document["agree"] is True
    assert all(0 <= change["holm_adjusted_p"] <= 1 for change in document["named"])
