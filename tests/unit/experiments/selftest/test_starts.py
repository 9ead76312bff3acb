"""The starts of a part: as many as wanted, over interruptions too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.experiments.selftest.starts import Size, make_starts, typical_start_s, whole_starts

NAME = "selftest-planted"


class Lab:
    """What `make_starts` uses of a laboratory."""

    def __init__(self, fits: int = 99, own: dict[str, int] | None = None) -> None:
        self.settings: dict[str, Any] = {}
        self.writer = SimpleNamespace(add_settings=lambda **found: self.settings.update(found))
        nothing = lambda *_: None  # noqa: E731
        self.progress = SimpleNamespace(tell=nothing, done=nothing, drop=nothing)
        self.fleet = SimpleNamespace(close=nothing)
        self.options = SimpleNamespace(own=own or {})
        self.fits = fits

    def setting(self, name: str) -> Any:
        return self.settings.get(name)

    def has_time(self, _: float) -> bool:
        self.fits -= 1
        return self.fits >= 0


def made(ctx: Any, wanted: int, fail_at: int | None = None) -> list[int]:
    numbers: list[int] = []

    def measure(number: int) -> None:
        numbers.append(number)
        if number == fail_at:
            raise KeyboardInterrupt

    make_starts(ctx, NAME, wanted, 1.0, measure)
    return numbers


def test_as_many_starts_are_made_as_wanted() -> None:
    ctx = Lab()
    assert made(ctx, 3) == [0, 1, 2]
    assert set(whole_starts(ctx.setting(NAME))) == {0, 1, 2}
    assert typical_start_s(ctx.setting(NAME)) >= 0


def test_a_start_that_was_cut_off_is_made_again_under_another_number() -> None:
    ctx = Lab()
    with pytest.raises(KeyboardInterrupt):
        made(ctx, 3, fail_at=1)
    assert made(ctx, 3) == [2, 3]
    assert set(whole_starts(ctx.setting(NAME))) == {0, 2, 3}


def test_no_start_begins_that_does_not_fit_the_time_limit() -> None:
    assert made(Lab(fits=2), 5) == [0, 1]


def test_the_starts_asked_for_go_before_the_profiles() -> None:
    size = Size(30, 1.0, 1.0, 1.0)
    ctx: Any = Lab(own={"starts": 4})
    assert size.wanted(ctx.options) == 4
    ctx = Lab()
    assert size.wanted(ctx.options) == 30
