"""Slots at the edge, in all and for one component; who finds none waits, but not for long."""

import asyncio
from contextlib import suppress

import pytest

from microservices.chassis.admission import MAX_WAITING, Admission, Slots
from microservices.chassis.errors import Overloaded

PATIENCE = 0.05


class Visits:
    """Requests that hold a slot until they are let go."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._leave = asyncio.Event()
        self.inside: list[str] = []
        self.refused: list[str] = []

    async def visit(self, component: str) -> None:
        try:
            async with self._admission.slot(component):
                self.inside.append(component)
                await self._leave.wait()
        except Overloaded:
            self.refused.append(component)

    async def end(self) -> None:
        self._leave.set()
        await asyncio.sleep(0)


async def _after(visits: Visits, *components: str) -> Visits:
    tasks = [asyncio.create_task(visits.visit(each)) for each in components]
    await asyncio.wait(tasks, timeout=4 * PATIENCE)
    return visits


async def test_one_component_never_takes_all_slots() -> None:
    visits = await _after(Visits(Admission(6, PATIENCE)), *["users"] * 20, "inventory")
    assert visits.inside.count("users") == 4
    assert visits.inside.count("inventory") == 1
    assert visits.refused == ["users"] * 16


async def test_all_together_have_the_limit() -> None:
    visits = await _after(Visits(Admission(6, PATIENCE)), *["users", "orders", "payments"] * 3)
    assert len(visits.inside) == 6
    assert len(visits.refused) == 3


async def test_who_waits_gets_the_slot_that_becomes_free() -> None:
    visits = Visits(Admission(3, 5.0))
    await _after(visits, *["users"] * 4)
    assert (visits.inside, visits.refused) == (["users"] * 2, [])
    await visits.end()
    await asyncio.sleep(PATIENCE)
    assert (visits.inside, visits.refused) == (["users"] * 4, [])


async def test_a_slot_comes_back_whatever_happens_in_it() -> None:
    admission = Admission(1, PATIENCE)
    for _ in range(3):
        with suppress(RuntimeError):
            async with admission.slot("users"):
                raise RuntimeError
    refused = await _after(Visits(admission), "users", "users")
    assert refused.refused == ["users"]


async def test_the_number_of_those_who_wait_is_bounded() -> None:
    slots = Slots(1, 5.0)
    await slots.take()
    waiting = [asyncio.create_task(slots.take()) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await slots.take()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    slots.release()
    await slots.take()
