"""Two runs compared: what counts as different, what the surroundings explain, what is said."""

import json
import shutil
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.report.analysis import analyse
from bench.report.build import build_report
from bench.report.compare import Comparison, compare_runs
from bench.report.compared_run import read_compared
from bench.report.environment import environment_differences
from bench.report.run_comparison import EXPLAINED, shared_metrics
from tests.unit.report.factory import PAIR, Rounds, make_run, pair_run
from tests.unit.report.hostile import ATTACK, change_texts, page_faults

pytestmark = pytest.mark.usefixtures("unpainted")

FASTER = {**PAIR, "microservices": 0.9}


def second_run(tmp_path: Path, *, profile: str = "quick", **changes_: object) -> Path:
    plan = pair_run(**{"seed": 9, **changes_})
    return make_run(tmp_path, Rounds(plan.made, profile=profile, counted=False), "second")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), pair_run(), "first")


def named_words(a: Path, b: Path) -> dict[str, str]:
    metrics = shared_metrics([read_compared(a), read_compared(b)])
    changes = [c for metric in metrics for c in metric.changes if c.named]
    return {c.asked.label.partition("monolith, ")[2]: c.word for c in changes}


def edit_machine(run: Path, **facts: object) -> None:
    edit_journal(run, lambda journal: journal["machine"].update(facts))


def edit_journal(run: Path, change) -> None:  # type: ignore[no-untyped-def]
    journal = json.loads((run / "journal.json").read_text(encoding="utf-8"))
    change(journal)
    (run / "journal.json").write_text(json.dumps(journal), encoding="utf-8")


def compared(first: Path, second: Path, tmp_path: Path) -> Comparison:
    return compare_runs([first, second], tmp_path / "page.html")


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
    page = compare_runs([first, other], tmp_path / "out.html").page
    text = page.read_text(encoding="utf-8")
    assert page == tmp_path / "out.html"
    assert "Invented CPU" in text
    assert "Another CPU" in text
    assert EXPLAINED in text
    assert "The verdict flipped" in text
    assert "://" not in text


def test_the_comparison_stands_beside_the_first_run_by_default(first: Path, tmp_path: Path) -> None:
    page = compare_runs([first, second_run(tmp_path)]).page
    assert (page.parent, page.name) == (first.parent, "compare-first-second.html")
    assert compare_runs([first, second_run(tmp_path / "b")], tmp_path).page.parent == tmp_path


def test_a_run_is_not_compared_with_itself(first: Path) -> None:
    with pytest.raises(ShopbenchError, match="same folder twice") as caught:
        compare_runs([first, first])
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


def test_both_runs_times_cpu_and_ratios_are_drawn(first: Path, tmp_path: Path) -> None:
    text = compared(first, second_run(tmp_path), tmp_path).page.read_text(encoding="utf-8")
    for what in ("order, p50", "order, p95", "order, CPU"):
        assert f"<summary>{what}</summary>" in text
    assert "Welch's t interval over starts" in text
    assert "monolith#2" not in text


def test_the_comparison_as_json_holds_both_machines_and_every_change(
    first: Path, tmp_path: Path
) -> None:
    other = second_run(tmp_path)
    edit_machine(other, cpu="Another CPU")
    document = json.loads(json.dumps(compared(first, other, tmp_path).as_json()))
    assert [run["facts"]["machine: cpu"] for run in document["runs"]] == [
        "Invented CPU",
        "Another CPU",
    ]
    assert document["environment_differences"] == [
        {"name": "machine: cpu", "values": ["Invented CPU", "Another CPU"]}
    ]
    assert len(document["named"]) == 8
    assert document["agree"] is True
    assert all(0 <= change["holm_adjusted_p"] <= 1 for change in document["named"])


# Three and more.


def three(tmp_path: Path, first: Path) -> list[Path]:
    """The first again with another seed, and one in which the services got faster."""
    return [first, second_run(tmp_path), make_run(tmp_path, pair_run(slower=FASTER, seed=5), "3rd")]


def test_each_of_several_runs_is_held_against_the_first(first: Path, tmp_path: Path) -> None:
    found = compare_runs(three(tmp_path, first), tmp_path / "page.html")
    mix = next(m for m in found.metrics if m.asked.label.endswith("time of the mix of requests"))
    assert [reading.run.run_id for reading in mix.readings] == ["first", "second", "3rd"]
    assert [(c.base.run.run_id, c.rejected) for c in mix.changes] == [
        ("first", False), ("first", True),
    ]  # fmt: skip
    assert (mix.status, found.agreement.tested) == ("moved", 16)
    line = found.agreement.line
    assert line.startswith("3 runs, each against the first of them that has a metric: of 8 metrics")
    assert "time of an order ×0.5" in line
    assert " in 3rd" in line
    assert " in second" not in line


def test_the_runs_stand_oldest_first_whatever_the_order_they_are_named_in(
    first: Path, tmp_path: Path
) -> None:
    named = three(tmp_path, first)
    found = compare_runs([named[2], named[0], named[1]], tmp_path / "page.html")
    assert [run.run_id for run in found.runs] == ["first", "second", "3rd"]
    text = found.page.read_text()
    rows = text.partition('<ul class="rows">')[2]
    assert rows.index(">first<") < rows.index(">second<") < rows.index(">3rd<")


def test_what_stays_within_the_margin_in_every_run_did_not_move(tmp_path: Path) -> None:
    exact = {"scatter": 0.0004, "cpu_scatter": 0.0004, "starts": 9, "operations": ("order",)}
    runs = [make_run(tmp_path, pair_run(**exact, seed=s), f"run-{s}") for s in (1, 2, 3)]
    found = compare_runs(runs, tmp_path / "page.html")
    assert {metric.status for metric in found.metrics} == {"did not move"}
    assert ", 2 did not, by Holm over 4 comparisons; no verdict flips" in found.agreement.line
    assert "<b>Did not move</b>" in found.page.read_text()


def test_what_not_all_runs_measured_is_said(first: Path, tmp_path: Path) -> None:
    less = make_run(tmp_path, pair_run(operations=("order",), seed=3), "less")
    found = compare_runs([first, less], tmp_path / "page.html")
    (gap,) = found.missing
    assert (gap.experiment, [run.run_id for run in gap.lacking]) == ("latency", ["less"])
    assert "metrics: not in less" in found.page.read_text()
    assert found.as_json()["not_shared"][0]["lacking"] == ["less"]


def test_what_changed_stands_first_and_only_once(first: Path, tmp_path: Path) -> None:
    other = second_run(tmp_path)
    edit_machine(other, cpu="Another CPU")
    text = compare_runs([first, other], tmp_path / "page.html").page.read_text()
    assert text.count("Another CPU") == 1
    assert text.index("Another CPU") < text.index("What moved")
    assert "are the same in all runs" not in text


@pytest.mark.parametrize("count", [1, 11])
def test_two_to_ten_runs_are_compared(count: int, tmp_path: Path) -> None:
    with pytest.raises(ShopbenchError, match=f"takes 2 to 10 runs, not {count}") as caught:
        compare_runs([tmp_path / str(n) for n in range(count)])
    assert caught.value.exit_code == 2


# Runs that are kept without their rows.


@pytest.fixture(scope="module")
def reported(first: Path) -> str:
    """The verdicts that the report of the first run wrote."""
    build_report(first)
    return (first / "verdicts.json").read_text()


def kept(verdicts: str, folder: Path, *, surroundings: bool = True, **changes: object) -> Path:
    """What a repository keeps of a run. `changes`: of its first verdict."""
    document = json.loads(verdicts)
    if not surroundings:
        del document["surroundings"]
    document["verdicts"][0] |= changes
    folder.mkdir()
    (folder / "verdicts.json").write_text(json.dumps(document))
    return folder


def test_a_run_kept_without_rows_is_compared_by_its_verdicts(
    first: Path, reported: str, tmp_path: Path
) -> None:
    other = second_run(tmp_path)
    whole = compare_runs([first, other], tmp_path / "page.html")
    half = compare_runs([kept(reported, tmp_path / "kept"), other])
    assert half.different == ()
    assert half.agreement.tested == whole.agreement.tested == 8
    for one, two in zip(whole.named, half.named, strict=True):
        assert one.moved is not None
        assert two.moved is not None
        assert two.moved.low == pytest.approx(one.moved.low, rel=1e-6)
        assert (two.asked.label, two.word) == (one.asked.label, one.word)
    assert "kept without its rows" in half.page.read_text()
    assert half.page.parent == tmp_path


def test_of_two_kept_runs_the_ratios_are_compared(reported: str, tmp_path: Path) -> None:
    runs = [kept(reported, tmp_path / "one"), kept(reported, tmp_path / "two")]
    found = compare_runs(runs, tmp_path / "page.html")
    assert found.agreement.agree is True
    assert {change.asked.kind for change in found.named} == {"p50", "cpu"}


def test_a_kept_run_that_does_not_state_its_surroundings_explains_everything(
    reported: str, tmp_path: Path
) -> None:
    old = kept(reported, tmp_path / "old", surroundings=False)
    found = compare_runs([old, second_run(tmp_path, slower=FASTER)], tmp_path / "page.html")
    assert "different" not in {c.word for c in (*found.named, *found.exploratory)}
    assert found.different[0].values == ("not stated", "stated")


def test_a_journal_without_rows_states_the_surroundings(
    first: Path, reported: str, tmp_path: Path
) -> None:
    folder = kept(reported, tmp_path / "kept", surroundings=False)
    shutil.copy(first / "journal.json", folder)
    assert read_compared(folder).recorded
    assert read_compared(folder).facts == read_compared(first).facts


@pytest.mark.parametrize(
    "change",
    [
        {"n_blocks": 10**9},
        {"n_blocks": 1},
        {"level": 1.0},
        {"low": None},
        {"estimate": -1.0},
        {"low": 1e-9},
    ],
)
def test_a_verdict_that_is_no_t_interval_is_not_compared(
    change: dict[str, float], reported: str, tmp_path: Path
) -> None:
    runs = [kept(reported, tmp_path / "odd", **change), kept(reported, tmp_path / "sound")]
    (metric, *_) = shared_metrics([read_compared(run) for run in runs])
    assert (metric.changes[0].word, metric.changes[0].moved) == ("inconclusive", None)
    assert metric.changes[0].reason == "the first run gives no ratio: no interval is kept of it"


def test_a_kept_run_does_nothing_to_the_page(reported: str, tmp_path: Path) -> None:
    folder, other = kept(reported, tmp_path / "kept"), kept(reported, tmp_path / "other")
    names = ("question", "note", "rule", "facts", "plans")
    change_texts(
        folder / "verdicts.json",
        lambda site, text: text + ATTACK if any(name in site[0] for name in names) else text,
    )
    text = compare_runs([folder, other], tmp_path / "page.html").page.read_text()
    assert "evil()" in text
    assert page_faults(text, scripts=0) == []
    document = (folder / "verdicts.json").read_text().replace('"run_id": "first"', '"run_id": "/a"')
    (folder / "verdicts.json").write_text(document)
    with pytest.raises(ShopbenchError, match="no name that a run can have"):
        read_compared(folder)


def test_the_committed_reference_run_can_be_compared(reported: str, tmp_path: Path) -> None:
    reference = Path(__file__).parents[3] / "results" / "reference" / "bench"
    found = compare_runs([reference, kept(reported, tmp_path / "kept")], tmp_path / "page.html")
    assert found.agreement.tested == 8
