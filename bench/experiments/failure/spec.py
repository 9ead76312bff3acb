"""A failure experiment as a file: steady-state hypothesis, method, rollback, load.

The built-in ones lie in `builtin/`. Whatever is wrong with a file is one line that names the
field.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.deployments.base import COMPONENTS
from bench.errors import ShopbenchError, near
from bench.faults.catalogue import Fault, catalogue
from bench.load.mixes import MIXES

BUILTIN = Path(__file__).parent / "builtin"
OVERLOAD = "overload"  # load, no injection
POISON = "poison"  # an injection that waits for a marked request
EDGE = "edge"
MAX_SECONDS = 300.0
ProbeName = Literal["ready", "served", "response_time_ms"]
Rollback = Literal["clear", "fresh"]
Resilience = Literal["on", "off"]


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One probe of the steady state with what it may give.

    `ready`: whether all health checks of the serving processes pass (1 or 0). `served`: share of
    the probing visits answered rightly. `response_time_ms`: the slowest of their answers, held
    against the tolerance at rest only, before and after the load.
    """

    probe: ProbeName
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value is within the tolerance."""
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent while it happens, in control and fault alike. Seconds.

    `rate`: requests/s; left out, `share` of the smallest capacity probed among the deployments.
    `after_s`: how long the load goes on after the longest fault was cleared.
    """

    mix: str = "journeys"
    share: float = 0.2
    rate: float | None = None
    warmup_s: float = 2.0
    after_s: float = 14.0  # ten to be back in, three to see that it lasts


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault: which, where, when (`at_s` after the warm-up), how long, with what parameters.

    `resilience`: in which states of the protections, `after_s`: for how long the load goes on, if
    not the spec's.
    """

    kind: str
    component: str = ""
    at_s: float = 3.0
    seconds: float = 5.0
    parameters: dict[str, float] = {}
    resilience: list[Resilience] | None = None
    after_s: float | None = None

    @property
    def label(self) -> str:
        """Kind and component."""
        return f"{self.kind} {self.component}".strip()

    @property
    def fault(self) -> Fault:
        """What the nemesis injects."""
        return Fault(self.kind, self.component, self.seconds, self.parameters)


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole experiment. Each step of the method is a stretch of load of its own.

    `rollback` after each: `clear` undoes the fault and waits until the steady state is back,
    `fresh` goes on with a new deployment. `controls_every`: one control for so many faults.
    """

    title: str
    rollback: Rollback
    steady_state: list[Tolerance]
    method: list[Step]
    load: Load = Load()
    repetitions: int = 1
    resilience: list[Resilience] = msgspec.field(default_factory=lambda: ["on"])
    controls_every: int = 5

    @property
    def groups(self) -> list[list[Step]]:
        """The steps that share a control."""
        every = self.controls_every
        return [self.method[at : at + every] for at in range(0, len(self.method), every)]

    def stretch_s(self, group: int) -> float:
        """Length of a group's stretches, warm-up aside: its longest fault and what follows it."""
        return max(
            step.at_s + step.seconds + (step.after_s or self.load.after_s)
            for step in self.groups[group]
        )

    def states(self) -> list[Resilience]:
        """Every state of the protections that some step wants, in order."""
        wanted = [state for step in self.method for state in self.states_of(step)]
        return list(dict.fromkeys((*self.resilience, *wanted)))

    def states_of(self, step: Step) -> list[Resilience]:
        """The states of the protections in which a step is taken."""
        return self.resilience if step.resilience is None else step.resilience


def load_spec(name: str) -> Spec:
    """Read a spec from a file, or a built-in one by its name. Raises ShopbenchError (usage)."""
    path = BUILTIN / f"{name}.toml"
    if not path.is_file() or "/" in name:
        path = Path(name)
    try:
        text = path.read_bytes()
    except OSError as exc:
        known = sorted(each.stem for each in BUILTIN.glob("*.toml"))
        reason = exc.strerror or "cannot be read"
        raise ShopbenchError(f"spec {name}: {reason}{near(name, known)} built in", 2) from exc
    return parse_spec(text, path.name)


def parse_spec(text: bytes, name: str) -> Spec:
    """Read a spec. Raises ShopbenchError (usage) with one line that names the field."""
    try:
        found = msgspec.toml.decode(text, type=Spec)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ShopbenchError(f"spec {name}: {_plain(str(exc))}", 2) from exc
    for problem in _problems(found):
        raise ShopbenchError(f"spec {name}: {problem}", 2)
    return found


def stored_spec(kept: Any) -> Spec:
    """The spec as a journal keeps it. Raises msgspec.ValidationError."""
    return msgspec.convert(kept, Spec)


def _plain(text: str) -> str:
    """msgspec's message with the field as the file's reader knows it: `$.method[0].kind`."""
    what, at, where = text.partition(" - at `")
    place = where.rstrip("`").removeprefix("$").removeprefix(".") if at else ""
    what = what.replace("Object", "the spec" if not place else f"`{place}`", 1)
    return f"`{place}`: {what}" if place and f"`{place}`" not in what else what


def _problems(spec: Spec):  # type: ignore[no-untyped-def]
    """What no type can say, one line each, the first field first."""
    if not spec.steady_state:
        yield "`steady_state`: at least one probe is needed"
    for number, tolerance in enumerate(spec.steady_state):
        if tolerance.at_least is None and tolerance.at_most is None:
            yield f"`steady_state[{number}]`: needs `at_least` or `at_most`"
    if not spec.method:
        yield "`method`: at least one fault is needed"
    for number, step in enumerate(spec.method):
        yield from _step_problems(f"method[{number}]", step)
    if not 1 <= spec.repetitions <= 100:
        yield f"`repetitions`: lies between 1 and 100, not {spec.repetitions}"
    if spec.controls_every < 1:
        yield "`controls_every`: at least 1"
    if not spec.resilience:
        yield "`resilience`: `on`, `off` or both"
    yield from _load_problems(spec.load)


def _step_problems(where: str, step: Step):  # type: ignore[no-untyped-def]
    kinds = sorted({each.kind for each in catalogue()} | {OVERLOAD})
    if step.kind not in kinds:
        yield f"`{where}.kind`: unknown fault {step.kind!r}{near(step.kind, kinds)}"
    components = (*COMPONENTS, EDGE)
    if step.component and step.component not in components:
        named = step.component
        yield f"`{where}.component`: unknown component {named!r}{near(named, components)}"
    if step.resilience == []:
        yield f"`{where}.resilience`: `on`, `off` or both"
    if not step.component and step.kind != OVERLOAD:
        yield f"`{where}.component`: {step.kind} needs one of {', '.join(components)}"
    lengths = {"at_s": step.at_s, "seconds": step.seconds, "after_s": step.after_s}
    for name, value in lengths.items():
        if value is not None and not 0 < value <= MAX_SECONDS:
            yield f"`{where}.{name}`: lies between 0 and {MAX_SECONDS:g} seconds, not {value:g}"
    try:
        _ = step.fault  # it knows the parameters of its kind
    except ShopbenchError as exc:
        yield f"`{where}`: {exc.message}"


def _load_problems(load: Load):  # type: ignore[no-untyped-def]
    if load.mix not in MIXES:
        yield f"`load.mix`: unknown mix {load.mix!r}{near(load.mix, MIXES)}"
    if not 0 < load.share <= 0.9:
        yield f"`load.share`: a share of capacity up to 0.9, not {load.share:g}"
    if load.rate is not None and not 0 < load.rate <= 10_000:
        yield f"`load.rate`: requests a second up to 10,000, not {load.rate:g}"
    for name, value in (("warmup_s", load.warmup_s), ("after_s", load.after_s)):
        if not 0 < value <= MAX_SECONDS:
            yield f"`load.{name}`: lies between 0 and {MAX_SECONDS:g} seconds, not {value:g}"
