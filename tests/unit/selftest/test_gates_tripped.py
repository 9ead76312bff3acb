"""The gates' own test: all gates are tried, fed readings trip, the server does as told."""

import asyncio
import json
from dataclasses import replace

import pytest

from bench.experiments.answers import schema_violations
from bench.experiments.gates import judge
from bench.experiments.meters import read_machine
from bench.experiments.selftest.cases import CASES
from bench.experiments.selftest.gates_tripped import _seen, fed
from bench.experiments.selftest.reference_server import Behaviour, answer, serve
from bench.experiments.served import free_port
from bench.load.generator import server_times
from bench.load.operations import OPERATIONS, check_answer
from bench.load.plan import Sample

PATH = b"/api/v1/products/x"


def body_of(wire: bytes) -> bytes:
    return wire.partition(b"\r\n\r\n")[2]


def test_every_gate_of_an_open_trial_is_tripped_or_fed() -> None:
    gates = {gate.name for gate in judge(_seen(read_machine(), read_machine()))}
    assert {case.gate for case in CASES} | {each.gate for each in fed()} == gates


def test_fed_readings_trip_and_calm_ones_pass() -> None:
    assert all(each.works for each in fed())
    steal = fed()[0]
    assert steal.disturbed.value == pytest.approx(0.02)
    blind = replace(steal, disturbed=steal.control)
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


def test_the_server_states_the_share_of_its_time_it_is_told_to() -> None:
    assert b"app;dur=5.000," in answer(Behaviour(states=0.5), PATH, 10.0)
    assert json.loads(body_of(answer(Behaviour(backlog=5), b"/backlog", 0.0))) == {"left": 5}


async def test_the_server_answers_requests_that_arrive_in_one_piece_or_in_two() -> None:
    port = free_port()
    serving = asyncio.create_task(serve(Behaviour(status=500), [Behaviour()], "127.0.0.1", port))
    try:
        reader, writer = await _connected(port)
        request = b"GET /api/v1/products/x HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(request + request[:20])
        first = await reader.readuntil(b"}")
        writer.write(request[20:])
        second = await reader.readuntil(b"}")
        assert first.startswith(b"HTTP/1.1 500 ")
        assert second.count(b"HTTP/1.1 500 ") == 1
        writer.write(request.replace(b"/api/v1", b"/0"))  # the first of its variants
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        writer.close()
    finally:
        serving.cancel()


@pytest.mark.parametrize("variant", [Behaviour(extra=500), Behaviour(after=500)])
async def test_the_server_states_what_a_variant_does_beyond_the_base(variant: Behaviour) -> None:
    port = free_port()
    serving = asyncio.create_task(serve(Behaviour(spin=50), [variant], "127.0.0.1", port))
    try:
        stated = {}
        for prefix in (b"/api", b"/0/api"):
            for _ in range(2):  # what comes after an answer stands in the next
                reader, writer = await _connected(port)
                writer.write(b"GET " + prefix + b"/v1/products/x HTTP/1.1\r\n\r\n")
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                writer.close()
            stated[prefix] = server_times(head.partition("Server-Timing: ")[2].strip())[1]
        assert stated[b"/api"] == 0.0
        assert stated[b"/0/api"] > 0.1
    finally:
        serving.cancel()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(100):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
    raise AssertionError("the server did not start")
