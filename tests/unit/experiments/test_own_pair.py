"""Services of the user's own: what may be asked, how they are metered, what is scheduled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import ShopbenchError
from bench.experiments.fail_on import parse_condition
from bench.experiments.foreign import (
    ForeignSubject,
    check_reachable,
    open_process,
    parse_pair,
)
from bench.experiments.gates import Observed, Window, judge
from bench.experiments.options import PairOptions, RunOptions
from bench.experiments.pair import (
    MAX_USERS,
    Probed,
    check_locustfile,
    check_pair,
    own_schedule,
    users_needed,
)
from bench.experiments.resume import stored_options, wanted
from bench.load.generator import Target
from bench.load.schedule import ScheduleSpec

A, B = "a=http://127.0.0.1:9001", "b=http://127.0.0.1:9002"
SPEC = ScheduleSpec("mine", 100.0, 7, 0.1, 0.2, 4.0, steps_per_visit=2.0)


def test_the_first_url_is_the_baseline(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("")
    pair = parse_pair([B, A + "/"], file, "50", ["a=1"])
    assert pair == PairOptions(
        (("b", "http://127.0.0.1:9002"), ("a", "http://127.0.0.1:9001")),
        str(file.resolve()),
        (("a", 1),),
        50.0,
    )
    assert parse_pair([], None, "", []) is None
    probed = parse_pair([A, B], None, "probed", [])
    assert probed is not None
    assert probed.rate is None


@pytest.mark.parametrize(
    ("urls", "rate", "pids", "said"),
    [
        ([A], "", [], "one --url is no comparison"),
        ([A, A.replace("9001", "9003")], "", [], "'a' is given twice"),
        ([A, "b=http://127.0.0.1:9001"], "", [], "two names for one URL"),
        ([A, "http://127.0.0.1:9002"], "", [], "it is name=http://host:port"),
        ([A, "b=https://127.0.0.1:9002"], "", [], "only http://"),
        ([A, B + "/shop"], "", [], "nothing after it"),
        ([A, "b=http://127.0.0.1:port"], "", [], "give http://host:port"),
        ([A, B], "fast", [], "--rate 'fast'"),
        ([A, B], "-3", [], "--rate '-3'"),
        ([A, B], "", ["c=1"], "no --url of that name"),
        ([A, B], "", ["a=x"], "not a process id"),
        ([A, B], "", ["a=1", "a=2"], "given twice"),
        ([], "50", [], "--rate needs two --url"),
        ([], "", ["a=1"], "--pid needs two --url"),
    ],
)
def test_bad_options_are_refused(urls: list[str], rate: str, pids: list[str], said: str) -> None:
    with pytest.raises(ShopbenchError) as refused:
        parse_pair(urls, None, rate, pids)
    assert said in refused.value.message
    assert refused.value.exit_code == 2


def test_a_dead_url_and_a_dead_process_are_refused() -> None:
    dead = PairOptions((("a", "http://127.0.0.1:1"), ("b", "http://127.0.0.1:2")))
    with pytest.raises(ShopbenchError, match="nothing answers at a=http://127.0.0.1:1") as refused:
        check_reachable(dead)
    assert refused.value.exit_code == 2
    with pytest.raises(ShopbenchError, match="there is no such process"):
        check_reachable(PairOptions((), pids=(("a", 2**22 + 1),)))
    twice = PairOptions((), pids=(("a", os.getpid()), ("b", os.getpid())))
    with pytest.raises(ShopbenchError, match="belongs to"):
        check_reachable(twice)


def test_only_latency_and_no_deployments_of_ours() -> None:
    options = RunOptions(pair=PairOptions(()))
    with pytest.raises(ShopbenchError, match="only `run latency`"):
        check_pair(["floor"], options)
    with pytest.raises(ShopbenchError, match="give one of the two"):
        check_pair(["latency"], replace(options, deployments=("monolith",)))
    mixes = RunOptions(pair=PairOptions((), "mine.py"), mixes=("order",))
    with pytest.raises(ShopbenchError, match="--mixes are the shop's"):
        check_pair(["latency"], mixes)


def test_a_broken_locustfile_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("print('hello')\n\nx = y\n")
    with pytest.raises(ShopbenchError) as refused:
        check_locustfile(file)
    assert refused.value.message == "mine.py:3: NameError: name 'y' is not defined"
    assert refused.value.exit_code == 2


def test_the_options_of_a_pair_survive_the_journal(tmp_path: Path) -> None:
    pair = PairOptions((("a", "http://x:1"), ("b", "http://x:2")), "/m.py", (("a", 1),), 50.0)
    options = RunOptions(pair=pair, results_root=tmp_path)
    again = wanted({"options": stored_options(["latency"], options)}, tmp_path / "run")
    assert again.options.pair == pair


def test_a_schedule_counts_requests_and_knows_the_file() -> None:
    schedule = own_schedule(SPEC, "abc")
    visits = [visit for visit in schedule.visits if visit.due_s >= SPEC.measured_from_s]
    assert len(visits) == pytest.approx(100 / 2 * 4, abs=4 * 200**0.5)
    assert len({visit.number for visit in schedule.visits}) == len(schedule.visits)
    assert schedule.sha256 == own_schedule(SPEC, "abc").sha256
    assert schedule.sha256 != own_schedule(SPEC, "abd").sha256
    assert schedule.sha256 != own_schedule(replace(SPEC, seed=8), "abc").sha256


def test_users_are_enough_and_bounded() -> None:
    assert users_needed(SPEC, Probed({}, 2.0, 0.01)) == 50 + 16
    assert users_needed(SPEC, Probed({}, 2.0, 1.0)) == 150 + 16
    assert users_needed(replace(SPEC, offered_rps=9000.0), Probed({}, 1.0, 1.0)) == MAX_USERS


def test_cpu_of_a_process_tree_counts_children_that_live_and_that_are_gone() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\n"
    tree = (
        "import subprocess, sys, time\n"
        f"subprocess.run([sys.executable, '-c', {spin!r}])\n"
        f"p = subprocess.Popen([sys.executable, '-c', {spin + 'time.sleep(60)'!r}])\n"
        "print(p.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", tree], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            child = int(process.stdout.readline())
            subject = ForeignSubject("a", Target("http://x", []), open_process(process.pid))
            deadline = time.monotonic() + 20
            while subject.usage()["a"].cpu_seconds < 0.6 and time.monotonic() < deadline:
                time.sleep(0.05)
            usage = subject.usage()["a"]
            assert 0.6 <= usage.cpu_seconds < 1.2
            assert usage.pss_bytes > 2**20
            os.kill(child, 9)
        finally:
            process.kill()
    assert subject.usage() == {}
    assert ForeignSubject("a", Target("http://x", []), None).usage() == {}
    assert subject.settle() is None


def test_what_is_not_known_is_flagged_and_never_passes() -> None:
    window = Window(10.0, 500, (), 500, 500, 0.2, 2.0, None)
    seen = Observed("open", window, 500, 500, 0, 0, None, 0.1, None, 0.0, 0, 0.0, None)
    outcomes = {gate.name: gate.outcome for gate in judge(seen)}
    for name in ("schema_violations", "foreign_cpu", "outbox"):
        assert outcomes[name] == "flag"


def test_conditions_may_name_services_and_operations_of_the_user() -> None:
    condition = parse_condition("p95@v2/items/read>50ms")
    assert (condition.deployment, condition.operation) == ("v2", "items/read")
