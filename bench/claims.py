"""The registry of claims: what is said for and against microservices, and what would decide it.

`claims.toml` here and in the experiments' folders hold it; a rule that only one experiment uses
stands in its folder. Nothing here knows a run:
`bench.report.claims` fills in verdicts.
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
from bench.registry import houses, registered
from bench.results.verdict import experiment_of

FILE = "claims.toml"  # here, and in the folder of every experiment that decides claims
REGISTRY = Path(__file__).with_name(FILE)

Direction = Literal["greater", "less", "different", "holds"]


class BadRegistry(ShopbenchError):
    """`claims.toml` does not say what it must; the message names the entry."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}", 3)


class Experiment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An experiment that claims rest on; `rows` of the table it fills. Not built: not yet there."""

    name: str
    measures: str
    rows: tuple[str, ...] = ()
    built: bool = False

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
    experiments: tuple[str, ...] = ()

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


@cache
def registry() -> Registry:
    """Return the registry that comes with shopbench."""
    return read_registry(REGISTRY, claim_files())


def claim_files() -> dict[str, Path]:
    """The files in the experiments' folders, by name; a folder may hold nothing else yet."""
    found = (file for house in houses() for file in sorted(house.glob(f"*/{FILE}")))
    return {file.parent.name: file for file in found}


def read_registry(path: Path, folders: Mapping[str, Path] | None = None) -> Registry:
    """Read and check a registry. `folders`: the files of experiments that are built, by name.

    Raises BadRegistry with one line that names the entry.
    """
    raw = _tables(path)
    built = {each.folder.name for each in registered()}
    raw |= {"experiment": [], "claim": [], "rules": _rules(path, raw)}
    for name, file in (folders or {}).items():
        _merge(raw, name, file, built=name in built)
    experiments = {e.name: e for e in _entries(path, raw, "experiment", "name", Experiment)}
    rows = _entries(path, raw, "row", "id", Row)
    found = Registry(
        experiments=experiments,
        rows=tuple(_filled(row, experiments.values()) for row in rows),
        rules=_rules(path, raw),
        claims=tuple(_entries(path, raw, "claim", "id", Claim)),
    )
    ids = {row.id for row in rows}
    for each in experiments.values():
        for row in each.rows:
            if row not in ids:
                raise BadRegistry(path, f"experiment '{each.name}': there is no row '{row}'")
    for claim in found.claims:
        _check(path, claim, found)
    return found


def _merge(raw: dict[str, Any], name: str, file: Path, *, built: bool) -> None:
    """Add what the folder of an experiment says to what stands for all."""
    own = _parsed(file)
    odd = sorted(set(own) - {"measures", "rows", "claim", "rules"})
    if odd:
        raise BadRegistry(file, f"there is no table or key {odd[0]!r}")
    rules = _rules(file, own) if "rules" in own else {}
    twice = sorted(set(rules) & set(raw["rules"]))
    if twice:
        raise BadRegistry(file, f"rule '{twice[0]}' stands there twice")
    raw["rules"] = {**raw["rules"], **rules}
    entry = {key: own[key] for key in ("measures", "rows") if key in own}
    raw["experiment"] = [*raw["experiment"], {"name": name, "built": built, **entry}]
    claims = own.get("claim", [])
    if not isinstance(claims, list):
        raise BadRegistry(file, "write [[claim]], not [claim]")
    raw["claim"] = [*raw["claim"], *({"experiment": name, **claim} for claim in claims)]


def _filled(row: Row, experiments: Iterable[Experiment]) -> Row:
    """The row with the experiments that say they fill it: those that are built first."""
    own = [each for each in experiments if row.id in each.rows]
    ordered = sorted(own, key=lambda each: not each.built)
    return msgspec.structs.replace(row, experiments=tuple(each.name for each in ordered))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadRegistry(path, exc.strerror or str(exc)) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise BadRegistry(path, str(exc)) from exc


def _tables(path: Path) -> dict[str, Any]:
    raw = _parsed(path)
    wanted = {"row", "rules"}
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
