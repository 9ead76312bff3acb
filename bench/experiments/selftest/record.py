"""What a selftest found, kept for every later run on the same machine.

The file `selftest.json` in the state home holds the newest outcome of each part;
`remembered` puts them into a run's journal, so that its report can print them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bench.deployments.local.home import StateHome, write_private
from bench.machine import machine_facts
from bench.results.journal import utc_now

FILE = "selftest.json"
SCHEMA_VERSION = 2
SETTING = "selftest"
SAME_MACHINE = ("cpu_model", "cpus", "architecture", "kernel")
CLAIMS_NOTHING = "smoke"

Word = Literal["met", "not met", "not judged"]


@dataclass(frozen=True)
class Outcome:
    """One thing the benchmark had to show: what came out, what was required."""

    what: str
    found: str
    required: str
    word: Word
    note: str = ""


@dataclass(frozen=True)
class PartResult:
    """The outcome of one part. `details`: what its table and figure in the report need."""

    part: str
    outcomes: Sequence[Outcome]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Origin:
    """Which run found it."""

    run: str
    profile: str
    commit: str
    dirty: bool


def judged(met: bool, profile: str, enough: bool = True) -> Word:
    """The word of an outcome; a smoke run claims nothing, nor does one without enough of it."""
    if profile == CLAIMS_NOTHING or not enough:
        return "not judged"
    return "met" if met else "not met"


def entry_of(result: PartResult, origin: Origin) -> dict[str, Any]:
    """The result as it stands in journal and file."""
    return {
        "at": utc_now(),
        **asdict(origin),
        "outcomes": [asdict(outcome) for outcome in result.outcomes],
        **result.details,
    }


def merged(before: Mapping[str, Any] | None, part: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The parts so far with this one's newest outcome."""
    parts = dict((before or {}).get("parts", {}))
    parts[part] = dict(entry)
    return {"parts": parts}


def keep(home: StateHome, result: PartResult, entry: Mapping[str, Any]) -> Path:
    """Put a part into the machine's file; what is there of another machine is dropped."""
    path = home.root / FILE
    machine = _identity(machine_facts())
    with home.lock("selftest"):
        stored = _stored(path)
        if stored.get("machine") != machine:
            stored = {}
        document = {
            "schema_version": SCHEMA_VERSION,
            "machine": machine,
            SETTING: merged(stored.get(SETTING), result.part, entry),
        }
        write_private(path, json.dumps(document, indent=1))
    return path


def remembered(
    home: StateHome | None = None, machine: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a run's journal says of the selftest on this machine; nothing if there was none."""
    stored = _stored((home or StateHome.from_environment()).root / FILE)
    if not stored:
        return {}
    if stored.get("machine") != _identity(machine or machine_facts()):
        reason = "the selftest kept here was made on another machine or kernel"
        return {SETTING: {"parts": {}, "missing": reason}}
    return {SETTING: stored[SETTING]}


def _identity(machine: Mapping[str, Any]) -> dict[str, Any]:
    return {name: machine.get(name) for name in SAME_MACHINE}


def _stored(path: Path) -> dict[str, Any]:
    """The file's content; a missing, damaged or foreign one is as good as none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(document, dict) and document.get("schema_version") == SCHEMA_VERSION
    return document if known and isinstance(document.get(SETTING), dict) else {}
