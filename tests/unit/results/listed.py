"""Runs that are only a journal and verdicts, for tests of lists and names."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.results.journal import RunFacts, RunWriter, write_verdicts
from bench.results.verdict import NAMED, Verdict, Words

BEGAN = datetime(2026, 11, 30, 8, tzinfo=UTC)
ANSWER = "Splitting this shop makes an order take 1.50 times as long [1.45, 1.55]."


def facts(**changes: Any) -> RunFacts:
    given: dict[str, Any] = {
        "command": "shopbench run latency --profile quick",
        "commit": "0123456789abcdef",
        "dirty": False,
        "machine": {"cpu_model": "Invented CPU", "usable_cpus": [0, 1]},
        "versions": {"python": "3.11"},
        "settings": {"options": {"experiments": ["latency"]}},
        "profile": "quick",
        "seed": 1,
        "controlled": True,
    }
    return RunFacts(**{**given, **changes})


def named(estimate: float = 1.5, **changes: Any) -> Verdict:
    given: dict[str, Any] = {
        "id": "latency/order/microservices:monolith/order/service_time_ms_p50",
        "question": "Does an order take longer in microservices than in monolith?",
        "metric": "service_time_ms_p50",
        "numerator": "microservices",
        "denominator": "monolith",
        "operation": "order",
        "estimate": estimate,
        "low": estimate / 1.1,
        "high": estimate * 1.1,
        "level": 0.95,
        "n_blocks": 6,
        "verdict": "supported",
        "rule": "",
        "note": NAMED,
    }
    return Verdict(**{**given, **changes})


def listed_run(root: Path, name: str, hour: int = 0, *, told: bool = True, **changes: Any) -> Path:
    """A finished run of 12 minutes that began some hours after the first."""
    writer = RunWriter.create(root, name, facts(**changes))
    writer.finish()
    began = BEGAN + timedelta(hours=hour)
    change_journal(
        writer.path,
        started_at=began.isoformat(),
        finished_at=(began + timedelta(minutes=12)).isoformat(),
    )
    if told:
        write_verdicts(writer.path, [named()], words=Words((ANSWER,)))
    return writer.path


def change_journal(run: Path, **changes: Any) -> None:
    journal = json.loads((run / "journal.json").read_text())
    (run / "journal.json").write_text(json.dumps({**journal, **changes}))
