"""The gates' own test: all gates are tried, fed readings trip, the server does as told."""

import asyncio
from dataclasses import replace

from bench.engine.bare_handler_process import free_port
from bench.engine.gates import judge
from bench.engine.meters import read_machine
from bench.engine.sampled_answers import schema_violations
from bench.experiments.selftest.cases import CASES
from bench.experiments.selftest.gates_tripped import _seen, fed
from bench.experiments.selftest.reference_server import Behaviour, answer, serve
from bench.load.operations import OPERATIONS, check_answer
from bench.load.plan import Sample

PATH = b"/api/v1/products/x"


def body_of(wire: bytes) -> bytes:
    return wire.partition(b"\r\n\r\n")[2]


def test_every_gate_that_can_invalidate_is_tripped_or_fed() -> None:
    read = read_machine()
    bad = replace(
        _seen(read, read),
        generator_cpu=2.0,
        swapped_pages=9,
        clock_step_ms=99.0,
        sent=0,
        skipped=9,
        diverged=0.5,
        foreign_cpu=2.0,
        steal=0.5,
        outbox_left=9,
        schema_violations=9,
    )
    invalidating = {gate.name for gate in judge(bad) if gate.outcome == "fail"}
    tried = {case.gate for case in CASES} | {each.gate for each in fed()}
    assert invalidating == tried - {"failures", "schema_violations"}


def test_fed_readings_trip_and_calm_ones_pass() -> None:
    assert all(each.works for each in fed())
    swap = fed()[0]
    assert swap.disturbed.value == 3
    blind = replace(swap, disturbed=swap.control)
    assert not blind.works


def test_the_right_answer_passes_every_check() -> None:
    body = body_of(answer(Behaviour(), PATH, 1.5))
    assert check_answer(OPERATIONS["product_read"], 200, body)[0] == ""
    assert not schema_violations([Sample("product_read", 200, body)])
    wallet = body_of(answer(Behaviour(), b"/api/v1/wallet", 1.5))
    assert check_answer(OPERATIONS["wallet_read"], 200, wallet)[0] == ""


def test_the_broken_answer_has_the_right_shape_and_only_the_schema_finds_it() -> None:
    body = body_of(answer(Behaviour(broken=1), PATH, 1.5))
    assert check_answer(OPERATIONS["product_read"], 200, body)[0] == ""
    assert schema_violations([Sample("product_read", 200, body)])


async def test_the_server_answers_requests_that_arrive_in_one_piece_or_in_two() -> None:
    port = free_port()
    serving = asyncio.create_task(serve(Behaviour(status=500), "127.0.0.1", port))
    try:
        reader, writer = await _connected(port)
        request = b"GET /api/v1/products/x HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(request + request[:20])
        first = await reader.readuntil(b"}")
        writer.write(request[20:])
        second = await reader.readuntil(b"}")
        assert first.startswith(b"HTTP/1.1 500 ")
        assert second.count(b"HTTP/1.1 500 ") == 1
        writer.close()
    finally:
        serving.cancel()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(100):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
    raise AssertionError("the server did not start")
