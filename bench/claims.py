"""The registry of claims: what is said for and against microservices, and what would decide it.

`claims.toml` holds it. Nothing here knows a run: `bench.report.claims` fills in verdicts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from bench.errors import ShopbenchError

REGISTRY = Path(__file__).with_name("claims.toml")

Direction = Literal["greater", "less", "different", "holds"]
Status = Literal["built", "not built"]


class BadRegistry(ShopbenchError):
    """`claims.toml` does not say what it must; the message names the entry."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}", 3)


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An experiment that claims rest on. Not built: this version has no such experiment."""

    name: str
    status: Status
    measures: str

    @property
    def built(self) -> bool:
        """Whether `shopbench run` knows it."""
        return self.status == "built"

    @property
    def command(self) -> str:
        """What measures it, or will."""
        return f"shopbench run {self.name}"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the comparison table: what is claimed of either arm, and who measures it."""

    id: str
    feature: str
    monolith: str
    microservices: str
    experiments: tuple[str, ...]

    def claimed(self, deployment: str) -> str:
        """Return what is claimed of a deployment."""
        return {"monolith": self.monolith, "microservices": self.microservices}[deployment]


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One claim. `direction` is of the ratio `pair`; `answers` are patterns of verdict ids.

    `opposite`: patterns of verdicts on the contrary, whose 'refuted' supports the claim.
    `rule` names an entry of `Registry.rules`; `row` is empty for what the table does not hold.
    """

    id: str
    title: str
    wording: str
    direction: Direction
    pair: str
    experiment: str
    metric: str
    rule: str
    answers: tuple[str, ...]
    statements: tuple[str, ...]
    row: str = ""
    caveat: str = ""
    opposite: tuple[str, ...] = ()

    def answered_by(self, verdict_id: str) -> bool:
        """Return whether a verdict speaks to this claim, or by its opposite."""
        matches = any(fnmatchcase(verdict_id, pattern) for pattern in self.answers)
        return matches or self.opposed_by(verdict_id)

    def opposed_by(self, verdict_id: str) -> bool:
        """Return whether a verdict asks for the contrary of this claim."""
        return any(fnmatchcase(verdict_id, pattern) for pattern in self.opposite)


class Registry(msgspec.Struct, frozen=True):
    """All of `claims.toml`, checked."""

    experiments: Mapping[str, Experiment]
    rows: tuple[Row, ...]
    rules: Mapping[str, str]
    claims: tuple[Claim, ...]

    def speaks_to(self, verdict_id: str) -> list[Claim]:
        """Return the claims that a verdict answers."""
        return [claim for claim in self.claims if claim.answered_by(verdict_id)]


@cache
def registry() -> Registry:
    """Return the registry that comes with shopbench."""
    return read_registry(REGISTRY)


def read_registry(path: Path) -> Registry:
    """Read and check a registry. Raises BadRegistry with one line that names the entry."""
    raw = _tables(path)
    found = Registry(
        experiments={e.name: e for e in _entries(path, raw, "experiment", "name", Experiment)},
        rows=tuple(_entries(path, raw, "row", "id", Row)),
        rules=_rules(path, raw),
        claims=tuple(_entries(path, raw, "claim", "id", Claim)),
    )
    for row in found.rows:
        _check_experiments(path, f"row '{row.id}'", row.experiments, found)
    for claim in found.claims:
        _check(path, claim, found)
    return found


def experiment_of(name: str) -> str:
    """Return the experiment that a trial's or a verdict's name belongs to.

    Names go into detail after the first `/`, `:` or `@`: `network:services@2ms/0%`.
    """
    for mark in "/:@":
        name = name.partition(mark)[0]
    return name


def _tables(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadRegistry(path, exc.strerror or str(exc)) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadRegistry(path, str(exc)) from exc
    wanted = {"experiment", "row", "rules", "claim"}
    if set(raw) != wanted:
        odd = ", ".join(sorted(set(raw) ^ wanted))
        raise BadRegistry(path, f"needs exactly the tables {sorted(wanted)}; look at: {odd}")
    return raw


_Entry = TypeVar("_Entry")


def _entries(
    path: Path, raw: Mapping[str, Any], kind: str, key: str, model: type[_Entry]
) -> list[_Entry]:
    """Convert one by one, so that an error can name its entry; no name twice."""
    if not isinstance(raw[kind], list):
        raise BadRegistry(path, f"write [[{kind}]], not [{kind}]")
    seen: set[str] = set()
    found = []
    for number, entry in enumerate(raw[kind], start=1):
        name = str(entry.get(key, f"number {number}"))
        try:
            found.append(msgspec.convert(entry, model))
        except msgspec.ValidationError as exc:
            raise BadRegistry(path, f"{kind} '{name}': {exc}") from exc
        if name in seen:
            raise BadRegistry(path, f"{kind} '{name}' stands there twice")
        seen.add(name)
    return found


def _rules(path: Path, raw: Mapping[str, Any]) -> dict[str, str]:
    try:
        return msgspec.convert(raw["rules"], dict[str, str])
    except msgspec.ValidationError as exc:
        raise BadRegistry(path, f"rules: {exc}") from exc


def _check(path: Path, claim: Claim, found: Registry) -> None:
    where = f"claim '{claim.id}'"
    _check_experiments(path, where, (claim.experiment,), found)
    if claim.rule not in found.rules:
        raise BadRegistry(path, f"{where}: there is no rule '{claim.rule}'")
    if claim.row and claim.row not in {row.id for row in found.rows}:
        raise BadRegistry(path, f"{where}: there is no row '{claim.row}'")
    if not claim.statements:
        raise BadRegistry(path, f"{where}: names no statement that it was taken from")
    patterns = (*claim.answers, *claim.opposite)
    foreign = [p for p in patterns if experiment_of(p) != claim.experiment]
    if foreign:
        raise BadRegistry(
            path, f"{where}: '{foreign[0]}' is no verdict of experiment '{claim.experiment}'"
        )
    if found.experiments[claim.experiment].built and not patterns:
        raise BadRegistry(
            path, f"{where}: experiment '{claim.experiment}' is built, so say what answers it"
        )


def _check_experiments(path: Path, where: str, names: Iterable[str], found: Registry) -> None:
    for name in names:
        if name not in found.experiments:
            raise BadRegistry(path, f"{where}: there is no experiment '{name}'")
