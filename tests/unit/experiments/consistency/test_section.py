"""The consistency section over planted episodes: counts, convergence, verdicts by their rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.audit.history import HistoryRecorder
from bench.audit.rows import Snapshot
from bench.audit.stored import pack
from bench.experiments.consistency.findings import Transient, convergence, transients
from bench.experiments.consistency.section import section
from bench.report.build import build_report
from bench.report.export import export_csv
from bench.results.dataset import load_run
from bench.results.episodes import (
    Episode,
    EpisodeFolder,
    Event,
    EventLog,
    FaultInjected,
    FaultUndone,
    LoadMark,
    Sampled,
    Seen,
    Settled,
)
from bench.results.journal import CorruptResults, RunReader, RunWriter, Verdict
from tests.unit.audit.sound_shop import Shop, sound_shop
from tests.unit.report.factory import Plan, facts

ARMS = ("monolith", "microservices")


def seen(subject: str, age_s: float, invariant: str = "I8") -> Seen:
    return Seen(invariant, "pending order", subject, age_s)


def kills_of(count: int, hit: bool = True) -> list[Event]:
    events: list[Event] = [LoadMark(0.0, "begins", 0)]
    for number in range(count):
        events.append(FaultInjected(number + 1.0, number, "kill", "db:orders"))
        events.append(FaultUndone(number + 1.5, number, hit))
    return events


END: list[Event] = [LoadMark(60.0, "ends", 2), Settled(61.0, 1.0, {})]


def write_episode(
    writer: RunWriter, deployment: str, events: Sequence[Event], shop: Shop | None, phase: str
) -> Episode:
    """One episode with the files a run leaves; without a shop it was cut off."""
    name = f"consistency-{deployment}-{phase}-1"
    episode = Episode(name, "consistency", deployment, phase, 0, 1, "2026-01-01T00:00:00.000Z")
    folder = EpisodeFolder.of(writer.path, episode)
    folder.create()
    with EventLog(folder.events) as log:
        for event in events:
            log.write(event)
    with HistoryRecorder(folder.history) as recorder:
        for operation in (shop or sound_shop()).history.operations:
            number = recorder.invoke(
                operation.name, user_id=operation.user_id, key=operation.key,
                arguments=operation.arguments,
            )  # fmt: skip
            recorder.complete(number, operation.answers, keyed=operation.key is not None)
    if shop is not None:
        folder.write_snapshot(pack(shop.rows))
        episode = replace(episode, status="ended", finished_at="2026-01-01T00:01:00.000Z")
    writer.put_episode(episode)
    return episode


def run_with(
    root: Path, events: dict[str, list[Event]], shop: Shop | None, profile: str = "quick"
) -> Path:
    writer = RunWriter.create(root, "run", facts(Plan(profile=profile), {}))
    for deployment, told in events.items():
        write_episode(writer, deployment, told, shop, "kills")
    writer.finish()
    return writer.path


def verdicts(path: Path) -> dict[str, Verdict]:
    found = section(load_run(path))
    assert found is not None
    return {verdict.id: verdict for verdict in found.verdicts}


def test_a_run_without_the_experiment_has_no_section(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, "run", facts(Plan(), {}))
    other = Episode("other-1", "other", "monolith", "x", 0, 1, "now", status="ended")
    writer.put_episode(other)
    assert section(load_run(writer.path)) is None


def test_sound_arms_after_enough_kills_refute_that_data_is_lost(tmp_path: Path) -> None:
    path = run_with(tmp_path, {name: [*kills_of(20), *END] for name in ARMS}, sound_shop())
    found = verdicts(path)
    assert {found[f"consistency/after/{name}"].verdict for name in ARMS} == {"refuted"}
    assert found["consistency/during/microservices:monolith"].verdict == "inconclusive"


def test_too_few_kills_or_kills_that_hit_nothing_decide_nothing(tmp_path: Path) -> None:
    events = {"monolith": [*kills_of(19), *END], "microservices": [*kills_of(30, False), *END]}
    found = verdicts(run_with(tmp_path, events, sound_shop()))
    assert found["consistency/after/monolith"].note == (
        "I1-I11 valid after 19 kills; 20 are needed for a verdict"
    )
    assert found["consistency/after/microservices"].verdict == "inconclusive"


@pytest.mark.parametrize("profile", ["quick", "smoke"])
def test_one_lost_order_supports_it_in_every_profile(tmp_path: Path, profile: str) -> None:
    broken = sound_shop().without("orders", 0)
    path = run_with(tmp_path, {"microservices": [*kills_of(1), *END]}, broken, profile)
    found = verdicts(path)["consistency/after/microservices"]
    assert (found.verdict, "I1" in found.note) == ("supported", True)
    build_report(path)
    page = (path / "report.html").read_text()
    assert "acknowledged order is lost" in page
    assert ">violated<" in page


def test_smoke_claims_nothing(tmp_path: Path) -> None:
    path = run_with(tmp_path, {name: [*kills_of(20), *END] for name in ARMS}, sound_shop(), "smoke")
    assert {verdict.verdict for verdict in verdicts(path).values()} == {"inconclusive"}


def test_a_phase_that_was_cut_off_is_unknown_and_its_report_is_built(tmp_path: Path) -> None:
    path = run_with(tmp_path, {"monolith": kills_of(25)}, None)
    assert verdicts(path)["consistency/after/monolith"].verdict == "inconclusive"
    build_report(path)
    page = (path / "report.html").read_text()
    assert "cut off before its databases were read" in page
    assert ">unknown<" in page
    assert ">valid<" not in page


def test_a_database_that_could_not_be_read_is_unknown(tmp_path: Path) -> None:
    rows: Snapshot = replace(sound_shop().rows, unreadable={"payments": "connection refused"})
    shop = replace(sound_shop(), rows=rows)
    found = verdicts(run_with(tmp_path, {"microservices": [*kills_of(20), *END]}, shop))
    verdict = found["consistency/after/microservices"]
    assert (verdict.verdict, verdict.note) == ("inconclusive", "unknown: I2, I4, I7, I11")


def test_many_orders_seen_inconsistent_support_the_claim(tmp_path: Path) -> None:
    looks = [Sampled(5.0, 0.01, tuple(seen(name, 0.1) for name in ("bought", "undone", "refused")))]
    shop = sound_shop()
    services = [*kills_of(20), *looks, *END]
    path = run_with(tmp_path, {"monolith": [*kills_of(20), *END], "microservices": services}, shop)
    found = verdicts(path)["consistency/during/microservices:monolith"]
    assert found.estimate is not None
    assert found.estimate > 1
    assert "microservices 3 of 3 orders, monolith 0 of 3 orders" in found.note


def test_each_order_is_counted_once_and_the_oldest_sight_is_kept() -> None:
    looks = [
        Sampled(1.0, 0.0, (seen("a", 0.5), seen("b", 0.1), seen("a", 0.4, "I7"))),
        Sampled(2.0, 0.0, (seen("a", 1.5),)),
    ]
    found = transients(looks)
    assert found["I8"] == Transient(2, 1, 1.5)
    assert found["I7"] == Transient(1, 0, 0.4)
    assert found["I5"] == Transient(0, 0, 0.0)


def test_converged_is_the_first_look_without_anything_older_than_the_return() -> None:
    events: list[Event] = [
        FaultUndone(10.0, 0, True),
        Sampled(10.5, 0.0, (seen("old", 3.0),)),
        Sampled(11.0, 0.0, (), ("orders",)),  # nothing seen because nothing could be read
        Sampled(12.0, 0.0, (seen("new", 1.5),)),
    ]
    assert convergence(events).seconds == (2.0,)


def test_what_converges_after_the_last_look_is_dated_by_the_settled_shop() -> None:
    events: list[Event] = [FaultUndone(10.0, 0, True), Sampled(11.0, 0.0, (seen("old", 9.0),))]
    assert convergence(events).never == 1
    assert convergence([*events, Settled(20.0, 5.0, {})]).seconds == (10.0,)
    assert convergence([*events, Settled(20.0, 5.0, {"pending orders": 1})]).never == 1


def test_a_fault_that_never_took_place_is_not_waited_for() -> None:
    assert convergence([FaultUndone(1.0, 0, False), *END]).seconds == ()


def test_the_whole_report_is_built_from_episodes_alone(tmp_path: Path) -> None:
    looks = [Sampled(float(at), 0.01, (seen("bought", 0.1),)) for at in range(2, 20)]
    path = run_with(tmp_path, {n: [*kills_of(20), *looks, *END] for n in ARMS}, sound_shop())
    build_report(path)
    assert "Is the data still right?" in (path / "summary.md").read_text()
    assert (path / "figures" / "consistency-strip.svg").exists()
    stored = {verdict.id for verdict in RunReader(path).verdicts}
    assert "consistency/after/monolith" in stored


def test_invariants_and_anomalies_are_exported(tmp_path: Path) -> None:
    events = [*kills_of(1), Sampled(5.0, 0.01, (seen("bought", 0.1),)), *END]
    path = run_with(tmp_path, {"monolith": events}, sound_shop())
    written = {file.name: file.read_text() for file in export_csv(path, tmp_path / "csv")}
    assert written["consistency.csv"].count(",valid,") == 11
    assert "5.0,I8,pending order,bought,0.1" in written["transient_anomalies.csv"]


def test_damaged_raw_files_are_one_line(tmp_path: Path) -> None:
    path = run_with(tmp_path, {"monolith": [*kills_of(1), *END]}, sound_shop())
    (episode,) = RunReader(path).journal.episodes
    EpisodeFolder.of(path, episode).snapshot.write_bytes(b"no gzip")
    with pytest.raises(CorruptResults, match="snapshot is damaged"):
        section(load_run(path))
