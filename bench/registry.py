"""The experiments there are: each is a folder of `bench/experiments`, found by being there.

The `__init__` of the folder holds `EXPERIMENTS`. Its two halves are imported when they are asked
for: the command line's help needs no pandas, and measuring imports no figures. Neighbours:
`engine.runner` measures, `report.analysis` reads, `cli.run_command` makes the flags.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from bench.errors import ShopbenchError, near

HOUSE = "bench.experiments"

# Options of `shopbench run` that are for several experiments, by their names in `RunOptions`.
General = Literal["deployments", "mixes", "cpus", "seed", "max_minutes", "load_workers", "fail_on"]


@dataclass(frozen=True)
class Planned:
    """Seconds: the planned blocks, and what reruns of invalid ones may take on top.

    More blocks for narrower intervals, in `standard` and `full`, come on top of that.
    """

    planned_s: float
    reruns_s: float = 0.0

    def __add__(self, other: Planned) -> Planned:
        return Planned(self.planned_s + other.planned_s, self.reruns_s + other.reruns_s)


@dataclass(frozen=True)
class Flag:
    """An option of `shopbench run` that belongs to one experiment; its value is in `options.own`.

    `many`: may be given several times, the value is a tuple. The name `--` is for what stands
    behind it on the command line.
    """

    name: str
    help: str
    kind: type = str
    many: bool = False
    least: int | None = None
    most: int | None = None

    @property
    def key(self) -> str:
        """Its name in `options.own`."""
        return self.name.removeprefix("--").replace("-", "_") or "arguments"


@dataclass(frozen=True)
class Measurable:
    """What `--fail-on` may name in a run: deployments, and by metric the operations.

    None in their place: only the run finds out which there are.
    """

    deployments: tuple[str, ...]
    operations: Mapping[str, tuple[str, ...] | None]


@dataclass(frozen=True)
class Experiment:
    """One experiment: what it asks, and where its two halves are.

    `measuring`: a module with `run(ctx)`, `planned(options, profile, settings) -> Planned` and,
    where there is something to refuse before anything starts, `check(options)`.
    `heeds`: the general options that change what it does; a run in which nobody heeds one that was
    given is refused. `fail_on` is heeded by who has `thresholds`.
    `reporting`: a module with `sections(data) -> list[Section]`, none if the run has none of it.
    `rank`: its place in lists and on the page. `processes_only`: why it cannot run in containers.
    `instead_of`: the experiment that it stands in for once one of its own flags is given.
    `remembering`: a module with `remembered() -> settings` that every later run on this machine
    states in its journal. `told_as`: the heading of its verdicts' table in the terminal.
    `thresholds`: the names of its trials whose plain values `--fail-on` may hold to a limit: under
    a load that every deployment can serve, nothing broken, nothing delayed on purpose. Then the
    measuring module has `measurable(options, profile) -> Measurable` as well.
    `loads`: its settings, by dotted names, that hold offered loads which it finds for itself and
    does not look for where they are set already: `run --like` takes them over.
    """

    name: str
    question: str
    rank: int
    measuring: str
    reporting: str = ""
    heeds: tuple[General, ...] = ()
    flags: tuple[Flag, ...] = ()
    processes_only: str = ""
    instead_of: str = ""
    remembering: str = ""
    told_as: str = ""
    thresholds: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its two halves are."""
        package = import_module(self.measuring.rpartition(".")[0])
        return Path(next(iter(package.__path__)))

    def run(self, ctx: Any) -> None:
        """Measure; `ctx` is an `engine.laboratory.RunContext`."""
        self._measuring.run(ctx)

    def planned(self, options: Any, profile: Any, settings: Mapping[str, Any]) -> Planned:
        """How long it will take. `settings`: what is known of the run, such as `cpus`."""
        found: Planned = self._measuring.planned(options, profile, settings)
        return found

    def check(self, options: Any) -> None:
        """Refuse what cannot be measured. Raises ShopbenchError (usage)."""
        check = getattr(self._measuring, "check", None)
        if check is not None:
            check(options)

    def given(self, options: Any) -> list[Flag]:
        """Those of its flags that were given."""
        return [flag for flag in self.flags if options.own.get(flag.key) not in (None, (), "")]

    def uses(self, option: General) -> bool:
        """Whether a general option changes what it does."""
        return option in self.heeds or (option == "fail_on" and bool(self.thresholds))

    def measurable(self, options: Any, profile: Any) -> Measurable | None:
        """What `--fail-on` may name; None if it is not for this experiment."""
        if not self.thresholds:
            return None
        found: Measurable = self._measuring.measurable(options, profile)
        return found

    @property
    def asked(self) -> str:
        """What to type to run it."""
        return f"{self.instead_of} {self.flags[0].name}" if self.instead_of else self.name

    def sections(self, data: Any) -> list[Any]:
        """What the report says of it; `data` is a `results.dataset.RunData`."""
        if not self.reporting:
            return []
        found: list[Any] = import_module(self.reporting).sections(data)
        return found

    @property
    def _measuring(self) -> ModuleType:
        return import_module(self.measuring)


def houses() -> list[Path]:
    """The folders whose folders are experiments."""
    return [Path(each) for each in import_module(HOUSE).__path__]


def registered() -> tuple[Experiment, ...]:
    """Every experiment, by rank."""
    found: list[Experiment] = []
    house = import_module(HOUSE)  # by name: it stands above all that imports this module
    for module in pkgutil.iter_modules(house.__path__):
        if module.ispkg:
            found += import_module(f"{HOUSE}.{module.name}").EXPERIMENTS
    return tuple(sorted(found, key=lambda each: (each.rank, each.name)))


def named(name: str) -> Experiment:
    """The experiment of that name. Raises ShopbenchError (usage) if there is none."""
    known = {each.name: each for each in registered() if not each.instead_of}
    if name not in known:
        raise ShopbenchError(f"unknown experiment {name!r}{near(name, known)}", 2)
    return known[name]


def stood_in(settings: Mapping[str, Any]) -> bool:
    """Whether settings are a stand-in's: the run measured something else than the shop."""
    return any(each.instead_of and each.name in settings for each in registered())


def loads_in(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The offered loads that a run's settings hold, by dotted names."""
    found = {}
    for name in dict.fromkeys(name for each in registered() for name in each.loads):
        value: Any = settings
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = value
    return found


def remembered() -> dict[str, Any]:
    """What experiments found on this machine earlier and every run's journal states."""
    found: dict[str, Any] = {}
    for each in registered():
        if each.remembering:
            found |= import_module(each.remembering).remembered()
    return found


def chosen(names: Sequence[str], options: Any) -> list[Experiment]:
    """The experiments of a run, stand-ins in their places.

    Raises ShopbenchError (usage): none named, an unknown one, a flag of one that is not among them.
    """
    if not names:
        known = ", ".join(each.name for each in registered() if not each.instead_of)
        raise ShopbenchError(f"name an experiment: {known}", 2)
    wanted = [named(name) for name in names]
    given = {each: each.given(options) for each in registered()}
    for other in (each for each, flags in given.items() if flags and each.instead_of):
        if list(names) != [other.instead_of]:
            raise ShopbenchError(
                f"with {given[other][0].name} there is only `run {other.instead_of}`", 2
            )
        wanted = [other]
    for other, flags in given.items():
        if flags and other not in wanted:
            raise ShopbenchError(f"{flags[0].name} is for `run {other.asked}`", 2)
    return wanted


def idle_options(experiments: Sequence[Experiment], options: Any) -> list[str]:
    """A line for each general option that was given and that some experiment does not use.

    Raises ShopbenchError (usage) for one that none of them uses.
    """
    lines = []
    for option in (each for each in get_args(General) if _is_given(each, options)):
        idle = [each.asked for each in experiments if not each.uses(option)]
        users = [each.asked for each in registered() if each.uses(option)]
        flag = f"--{option.replace('_', '-')}"
        line = f"{flag} has no effect on {', '.join(idle)}; it is for {', '.join(users)}"
        if len(idle) == len(experiments):
            raise ShopbenchError(line, 2)
        lines += [line] if idle else []
    return lines


def _is_given(option: str, options: Any) -> bool:
    default = type(options).__dataclass_fields__[option].default
    return bool(getattr(options, option) != default)
