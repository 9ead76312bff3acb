"""Several runs as one picture: which run speaks for which experiment.

Neighbours: `claims` and `comparison` show the picture, `environment` knows a run's surroundings.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.errors import ShopbenchError
from bench.report.claims import Evidence, Picture, name_claims, ran
from bench.report.environment import Difference, environment_differences, named_differences
from bench.report.naming import own_names
from bench.results.journal import Journal, RunReader
from bench.results.verdict import experiment_of

# Rules see no result: the profile that measures more counts, then the later run.
PROFILES: Final = ("smoke", "quick", "standard", "full")
_MUST_AGREE = ("commit", "machine: ", "version: ", "CPU budget")


def picture_of_runs(run_dirs: Sequence[Path]) -> Picture:
    """Merge the stored verdicts and cells of runs; each experiment counts in one of them.

    Raises ShopbenchError (2) for runs of different machines, versions or commits, of the user's
    own services, or without a report of this version; CorruptResults for damaged ones.
    """
    readers = [_readable(path) for path in dict.fromkeys(path.resolve() for path in run_dirs)]
    for reader in readers[1:]:
        _check_same(readers[0].journal, reader.journal)
    speaker = _speakers(readers)
    dirty = [r.journal.run_id for r in readers if r.journal.dirty]
    remarks = [
        f"{experiment}: {reader.journal.run_id} left out, {speaker[experiment]} counts"
        for reader in readers
        for experiment in sorted(_ran(reader))
        if speaker[experiment] != reader.journal.run_id
    ]
    if dirty and len(readers) > 1:
        remarks.append(f"measured with local changes, which may differ: {', '.join(dirty)}")
    return Picture(tuple(_evidence(reader, speaker) for reader in readers), tuple(remarks))


def _readable(path: Path) -> RunReader:
    reader = RunReader(path)
    if own_names(reader.journal.settings):
        raise ShopbenchError(f"{path}: a run of your own services; the claims are on the shop", 2)
    if reader.cells is None:
        raise ShopbenchError(f"{path}: no report of this version yet: shopbench report {path}", 2)
    return reader


def _check_same(first: Journal, second: Journal) -> None:
    different: list[Difference] = [
        each for each in environment_differences(first, second) if each.name.startswith(_MUST_AGREE)
    ]
    if different:
        raise ShopbenchError(
            f"{first.run_id} and {second.run_id} are no one picture, they differ in: "
            f"{named_differences(different)} (shopbench compare shows both)",
            2,
        )


def _speakers(readers: Sequence[RunReader]) -> dict[str, str]:
    """The run that counts for each experiment."""
    ordered = sorted(readers, key=lambda r: (_rank(r.journal.profile), r.journal.started_at))
    return {experiment: r.journal.run_id for r in ordered for experiment in _ran(r)}


def _rank(profile: str) -> int:
    return PROFILES.index(profile) if profile in PROFILES else -1


def _ran(reader: RunReader) -> frozenset[str]:
    return ran((trial.experiment for trial in reader.trials), reader.verdicts)


def _evidence(reader: RunReader, speaker: dict[str, str]) -> Evidence:
    run_id = reader.journal.run_id
    kept = frozenset(name for name in _ran(reader) if speaker[name] == run_id)
    return Evidence(
        run_id,
        kept,
        tuple(v for v in name_claims(reader.verdicts) if experiment_of(v.id) in kept),
        tuple(cell for cell in reader.cells or () if cell.experiment in kept),
    )
