"""Episodes in the result files: readable whatever ended the run, damage is one clear line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
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
    read_events,
)
from bench.results.journal import RunReader, RunWriter
from tests.unit.results.test_journal import FACTS

BEGUN = Episode("consistency-monolith-kills-1", "consistency", "monolith", "kills", 0, 7, "now")
EVENTS: list[Event] = [
    LoadMark(1.0, "begins", 0),
    FaultInjected(2.0, 0, "kill", "db:shop"),
    Sampled(2.5, 0.01, (Seen("I8", "pending order", "o", 0.25),), ("orders",)),
    FaultUndone(3.0, 0, True),
    LoadMark(4.0, "ends", 12),
    Settled(5.0, 1.0, {"pending orders": 1}),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        for event in EVENTS:
            log.write(event)
    return path


def test_events_are_read_back_as_written(written: Path) -> None:
    assert read_events(written) == EVENTS


def test_a_torn_last_line_is_dropped_and_no_other(written: Path) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole[:-5])
    assert read_events(written) == EVENTS[:-1]
    written.write_bytes(whole.replace(b'"kill"', b'"kiss"'))
    with pytest.raises(ShopbenchError, match="line 2"):
        read_events(written)


def test_an_episode_is_entered_as_it_begins_and_replaced_as_it_ends(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, "run", FACTS)
    writer.put_episode(BEGUN)
    assert RunReader(writer.path).journal.episodes == (BEGUN,)  # what kill -9 would leave
    ended = replace(BEGUN, status="ended", finished_at="later", settings={"planned_faults": 4})
    writer.put_episode(ended)
    other = replace(BEGUN, episode_id="consistency-monolith-points-1", phase="points")
    writer.put_episode(other)
    writer.finish()
    assert RunReader(writer.path).journal.episodes == (ended, other)


def test_raw_files_are_never_overwritten_and_stay_in_the_run(tmp_path: Path) -> None:
    folder = EpisodeFolder.of(tmp_path, BEGUN)
    folder.create()
    with pytest.raises(ShopbenchError, match="cannot make"):
        folder.create()
    for name in ("../elsewhere", "/tmp/x", "a/b", ""):
        with pytest.raises(ShopbenchError, match="leaves the run"):
            EpisodeFolder.of(tmp_path, replace(BEGUN, episode_id=name))
