"""The list of contract cases and what running one gives. Cases register themselves on import."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bench.contract.conformance.violations import CaseSkipped, ContractViolation
from bench.contract.conformance.world import World

CaseFunction = Callable[[World], None]
Outcome = Literal["passed", "failed", "skipped"]

#: A case of this component needs several components and the edge; any other only its own.
WHOLE_SHOP = "shop"
#: A case of this component can be put to any serving process.
EVERYWHERE = "everywhere"


@dataclass(frozen=True)
class Case:
    """One thing the contract says, as a function that raises when a deployment does otherwise."""

    name: str
    area: str
    component: str
    function: CaseFunction

    @property
    def id(self) -> str:
        return f"{self.area}: {self.name}"


@dataclass(frozen=True)
class CaseResult:
    name: str
    area: str
    component: str
    outcome: Outcome
    detail: str
    seconds: float


_CASES: dict[str, Case] = {}


def case(name: str, area: str, component: str) -> Callable[[CaseFunction], CaseFunction]:
    """Register a case. `name` is the contract's sentence, `component` what must be there."""

    def register(function: CaseFunction) -> CaseFunction:
        add_case(Case(name, area, component, function))
        return function

    return register


def add_case(new: Case) -> None:
    """Register a case that was built from a table. Two cases of one id are a mistake."""
    if new.id in _CASES:
        raise ValueError(f"two contract cases are called {new.id!r}")
    _CASES[new.id] = new


def registered_cases() -> tuple[Case, ...]:
    return tuple(_CASES.values())


def run_case(item: Case, world: World) -> CaseResult:
    """Run one case; whatever it raises becomes its result."""
    started = time.monotonic()
    outcome: Outcome = "passed"
    detail = ""
    try:
        item.function(world)
    except CaseSkipped as reason:
        outcome, detail = "skipped", str(reason)
    except Exception as problem:  # the border of the suite: a case that breaks is a failed case
        world.client.close()
        kind = "" if isinstance(problem, ContractViolation) else f"{type(problem).__name__}: "
        outcome, detail = "failed", f"{kind}{problem}"
    seconds = time.monotonic() - started
    return CaseResult(item.name, item.area, item.component, outcome, detail, seconds)


def select_cases(
    areas: Iterable[str] | None = None, components: Iterable[str] | None = None
) -> tuple[Case, ...]:
    """The cases of these areas that need no component outside `components` (None: no limit)."""
    wanted = None if areas is None else set(areas)
    hosted = None if components is None else set(components)
    return tuple(
        item
        for item in registered_cases()
        if (wanted is None or item.area in wanted)
        and (hosted is None or item.component in {*hosted, EVERYWHERE})
    )
