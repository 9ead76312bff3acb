"""Deadlines shrink on the way down; the account of time is one for a request."""

import asyncio

from microservices.chassis.context import Context, start_background


async def test_a_child_never_outlives_its_parent() -> None:
    now = asyncio.get_running_loop().time()
    parent = Context("r", now + 1)
    assert parent.child(now + 5).deadline == parent.deadline
    assert parent.child(now + 0.5).deadline == now + 0.5


async def test_a_passed_deadline_leaves_no_time() -> None:
    assert Context("r", asyncio.get_running_loop().time() - 1).remaining() == 0.0


async def test_a_child_shares_identity_and_account_of_time() -> None:
    parent = Context("r", 10.0)
    parent.user_id, parent.staff, parent.verified = "u", True, True
    child = parent.child(5.0, "POST", "/x")
    child.timings.db += 1
    assert (child.user_id, child.staff, child.verified) == ("u", True, True)
    assert parent.timings.db == 1


async def test_a_background_task_gets_a_context_of_its_own() -> None:
    context = start_background("relay", 2.0)
    assert context.request_id.startswith("relay-")
    assert 0 < context.remaining() <= 2.0
