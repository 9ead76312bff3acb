"""What is concluded from a check of the generator, its server, and the check itself, end to end."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bench.engine.responder import BODY, answer, delays_s
from bench.errors import ShopbenchError
from bench.experiments.selftest.generator_check import (
    Agreement,
    GeneratorReport,
    LagPair,
    check_generator,
)
from bench.experiments.selftest.second_tool import find_tool, read_log
from bench.load.operations import OPERATIONS, check_answer
from bench.machine import usable_cpus

GOOD_PAIR = LagPair(0.04, 0.08, 0.05, 0.3, 4000, 4000, 0, 25, 0.2)
GOOD = GeneratorReport(
    cpus=(0, 1),
    load_average=(0.1, 0.9),
    lag=(GOOD_PAIR, GOOD_PAIR),
    client_ms=0.31,
    tool="h2load",
    tool_rps=200.0,
    agreement=(Agreement(0.5, 8.3, 8.0), Agreement(0.99, 0.35, 0.2)),
)


def test_all_promises_are_kept() -> None:
    assert set(GOOD.verdicts.values()) == {"kept"}


def test_late_sends_break_the_promise_only_where_the_timer_was_on_time() -> None:
    late = replace(GOOD_PAIR, send_lag_ms_p99=2.1, late=41)
    noisy = replace(late, control_ms_p99=0.6)
    assert replace(GOOD, lag=(late,)).verdicts["send_lag"] == "broken"
    both = replace(GOOD, lag=(GOOD_PAIR, late, replace(late, late=60)))
    assert both.verdicts["send_lag"] == "broken"
    assert replace(GOOD, lag=(GOOD_PAIR, noisy, noisy)).verdicts["send_lag"] == "kept"
    assert replace(GOOD, lag=(noisy,)).verdicts["send_lag"] == "not judged"
    in_time = replace(GOOD_PAIR, control_ms_p99=0.9)  # no quiet stretch, and yet in time
    assert replace(GOOD, lag=(in_time, in_time)).verdicts["send_lag"] == "kept"


def test_the_arrivals_of_all_judged_stretches_count_together() -> None:
    """A stall in one of five is within a hundredth of all arrivals; in every one it is not."""
    stalled = replace(GOOD_PAIR, send_lag_ms_p99=3.7, late=90)
    assert replace(GOOD, lag=(stalled, *[GOOD_PAIR] * 4)).verdicts["send_lag"] == "kept"
    assert replace(GOOD, lag=(stalled,) * 5).verdicts["send_lag"] == "broken"


def test_an_arrival_not_sent_breaks_it_on_any_machine() -> None:
    lost = replace(GOOD_PAIR, sent=3999, control_ms_p99=5.0)
    assert replace(GOOD, lag=(GOOD_PAIR, lost)).verdicts["send_lag"] == "broken"


def test_a_slow_client_breaks_its_promise_on_a_quiet_machine_only() -> None:
    slow = replace(GOOD, client_ms=0.6)
    assert slow.verdicts["client_time"] == "broken"
    noisy = replace(GOOD_PAIR, control_ms_p99=3.0)
    assert replace(slow, lag=(noisy,)).verdicts["client_time"] == "not judged"


def test_quantiles_that_differ_are_said_to_and_no_tool_is_no_agreement() -> None:
    assert not Agreement(0.5, 8.5, 8.0).same
    other = replace(GOOD, agreement=(Agreement(0.5, 8.5, 8.0),))
    assert other.verdicts["agreement"] == "broken"
    assert replace(GOOD, agreement=()).verdicts["agreement"] == "not measured"


def test_a_tool_that_does_not_agree_with_itself_judges_nobody() -> None:
    unsteady = Agreement(0.99, 30.0, 20.0, 24.0)
    steady = Agreement(0.5, 8.2, 8.0, 8.2)
    assert replace(GOOD, agreement=(unsteady,)).verdicts["agreement"] == "not judged"
    assert replace(GOOD, agreement=(steady, unsteady)).verdicts["agreement"] == "kept"
    off = Agreement(0.5, 8.9, 8.0, 8.2)
    assert replace(GOOD, agreement=(off, unsteady)).verdicts["agreement"] == "broken"


def test_the_report_is_plain_json() -> None:
    said = json.loads(json.dumps(GOOD.as_json()))
    assert said["verdicts"]["send_lag"] == "kept"


def test_the_other_tools_log_is_read_with_its_real_rate() -> None:
    lines = [f"{1_000_000 + number * 5000}\t200\t{7000 + number}" for number in range(100)]
    run = read_log(lines, "h2load x")
    assert run.rate_rps == pytest.approx(200.0)
    assert run.response_ms[:2] == (7.0, 7.001)
    with pytest.raises(ShopbenchError, match="1 of 100"):
        read_log([*lines[1:], "1\t-1\t5"], "h2load x")


def test_the_responders_answer_is_one_the_load_accepts() -> None:
    assert answer().endswith(BODY)
    assert check_answer(OPERATIONS["product_read"], 200, BODY)[0] == ""


def test_the_responders_delays_have_the_distribution_they_state() -> None:
    """Any stretch of them: the Kolmogorov distance is far below what chance would leave."""
    for start in (0, 777):
        delays = list(itertools.islice(delays_s(8.0, 0.5), start, start + 3000))
        distance = stats.kstest(np.log(delays), "norm", args=(np.log(0.008), 0.5)).statistic
        assert distance < 0.002


@pytest.fixture
def responder() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.engine.responder"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_responder_answers_each_request_also_in_pieces_or_together(responder: int) -> None:
    wire = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", responder), timeout=5) as client:
        for piece in (wire[:10], wire[10:-1], wire[-1:] + wire):
            client.sendall(piece)
        received = b""
        while len(received) < 2 * len(answer()):
            received += client.recv(65_536)
    assert received == answer() * 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_check_runs_end_to_end() -> None:
    """All is sent and every figure is there; how good they are is the machine's to say."""
    cpus = usable_cpus()
    report = check_generator(cpus[0], cpus[-1], seconds=0.5, pairs=1)
    assert [pair.sent == pair.planned for pair in report.lag] == [True]
    assert report.client_ms > 0
    assert bool(report.agreement) == (find_tool() is not None)
    assert set(report.verdicts) == {"send_lag", "client_time", "agreement"}
