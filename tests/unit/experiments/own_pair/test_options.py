"""Services of the user's own: what may be asked, how they are metered and restarted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cli import run_command
from bench.engine.fail_on import check_measurable, parse_condition
from bench.engine.options import PROFILES, RunOptions
from bench.engine.resume import stored_options, wanted
from bench.errors import ShopbenchError
from bench.experiments.own_pair.asked import DEFAULT_USERS, PairOptions, pair_of
from bench.experiments.own_pair.load import check_locustfile
from bench.experiments.own_pair.measure import check, measurable
from bench.experiments.own_pair.services import (
    ExternalService,
    check_reachable,
    open_process,
    restart,
)
from bench.load.generator import Target
from bench.registry import chosen, idle_options
from tests.unit.load.own_server import serving


def asked(**own: Any) -> PairOptions:
    """The options as the command line hands them over."""
    return pair_of(RunOptions(own=own))


A, B = "a=http://127.0.0.1:9001", "b=http://127.0.0.1:9002"


def test_the_first_url_is_the_baseline(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("")
    found = asked(url=[B, A + "/"], locustfile=str(file), pid=["a=1"], load="open", rate="50")
    assert found == PairOptions(
        (("b", "http://127.0.0.1:9002"), ("a", "http://127.0.0.1:9001")),
        str(file.resolve()),
        (("a", 1),),
        50.0,
        "open",
    )
    turns = asked(url=[A, B])
    assert (turns.load, turns.users) == ("turns", DEFAULT_USERS)


def test_a_url_may_have_a_path_be_https_or_ipv6() -> None:
    given = ["a=http://host:8080/app/", "b=https://host", "c=http://[::1]:9101"]
    found = asked(url=given)
    assert [url for _, url in found.urls] == [
        "http://host:8080/app",
        "https://host",
        "http://[::1]:9101",
    ]


@pytest.mark.parametrize(
    ("texts", "headers"),
    [
        (["shop.example"], {"a": "shop.example", "b": "shop.example"}),
        (["a=one.example:8080", "b=two.example"], {"a": "one.example:8080", "b": "two.example"}),
        (["b=two.example"], {"b": "two.example"}),
    ],
)
def test_a_host_header_is_for_one_or_for_both(texts: list[str], headers: dict[str, str]) -> None:
    found = asked(url=[A, B], host_header=texts)
    assert dict(found.host_headers) == headers


def test_one_address_with_two_host_headers_is_two_services() -> None:
    same = [A, "b=http://127.0.0.1:9001"]
    assert asked(url=same, host_header=["a=one.example", "b=two.example"])
    with pytest.raises(ShopbenchError, match="two names for one URL"):
        asked(url=same, host_header=["one.example"])


def _refused(said: str, **flags: Sequence[str] | str | int) -> None:
    with pytest.raises(ShopbenchError) as refused:
        asked(**flags)
    assert said in refused.value.message
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ([A], "one --url is no comparison"),
        ([A, A.replace("9001", "9003")], "'a' is given twice"),
        ([A, "b=http://127.0.0.1:9001"], "two names for one URL"),
        ([A, "http://127.0.0.1:9002"], "it is name=http://host"),
        ([A, "b=ftp://127.0.0.1:9002"], "it begins with http:// or https://"),
        ([A, B + "/?page=1"], "with neither query nor password"),
        ([A, "b=http://127.0.0.1:port"], "give http://host:port/path"),
    ],
)
def test_bad_urls_are_refused(urls: list[str], said: str) -> None:
    _refused(said, url=urls)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"load": "open", "rate": "fast"}, "--rate 'fast'"),
        ({"load": "open", "rate": "-3"}, "--rate '-3'"),
        ({"load": "open"}, "--load open needs --rate"),
        ({"rate": "50"}, "--rate is for --load open"),
        ({"load": "closed"}, "it is turns (paired, the default) or open"),
        ({"pid": ["c=1"]}, "no --url of that name"),
        ({"pid": ["a=x"]}, "not a process id"),
        ({"pid": ["a=1", "a=2"]}, "given twice"),
        ({"users": 3}, "are for a --locustfile"),
        ({"host_header": ["a=http://x"]}, "not a host"),
        ({"restart": ["a=true"]}, "--restart is for every --url"),
        ({"restart": ["a=true", "b=true"], "pid": ["a=1"]}, "nor with --pid"),
    ],
)
def test_bad_options_are_refused(flags: dict[str, Sequence[str] | str | int], said: str) -> None:
    _refused(said, url=[A, B], **flags)


@pytest.mark.parametrize(
    "flags", [{"load": "open"}, {"pid": ["a=1"]}, {"users": 3}, {"restart": ["a=true"]}]
)
def test_options_of_ones_own_services_need_their_urls(flags: dict[str, str]) -> None:
    _refused("needs two --url", **flags)


def test_what_stands_behind_two_dashes_goes_to_the_locustfile(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with serving() as a, serving() as b:
        file = Path(__file__).parent / "files" / "arguments.py"
        named = ["--url", f"a={a}", "--url", f"b={b}", "--locustfile", str(file)]
        code = run_command(["run", "latency", *named, "--out", str(tmp_path), "--", "--nobody"])
    assert code == 2
    assert "arguments after --: unrecognized arguments: --nobody" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


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


def test_a_restart_that_fails_says_what_the_command_said() -> None:
    with pytest.raises(ShopbenchError, match="--restart a: exit code 3: no such unit"):
        restart("a", "http://127.0.0.1:1", "echo no such unit >&2; exit 3")


def test_only_latency_and_no_deployments_of_ours() -> None:
    options = RunOptions(own={"url": [A, B]})
    assert [each.name for each in chosen(["latency"], options)] == ["own_pair"]
    with pytest.raises(ShopbenchError, match="only `run latency`"):
        chosen(["floor"], options)
    for ours in ({"deployments": ("monolith",)}, {"load_workers": 2}):
        with pytest.raises(ShopbenchError, match="no effect on latency --url"):
            idle_options(chosen(["latency"], options), replace(options, **ours))
    mine = {"url": [A, B], "locustfile": __file__}
    with pytest.raises(ShopbenchError, match="--mixes are the shop's"):
        check(RunOptions(own=mine, mixes=("order",)))


def test_a_broken_locustfile_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("print('hello')\n\nx = y\n")
    with pytest.raises(ShopbenchError) as refused:
        check_locustfile(file)
    assert refused.value.message == "mine.py:3: NameError: name 'y' is not defined"
    assert refused.value.exit_code == 2


def test_the_options_of_a_pair_survive_the_journal(tmp_path: Path) -> None:
    own = {"url": [A, B], "locustfile": __file__, "pid": ["a=1"], "arguments": ["--tenant", "x"]}
    options = RunOptions(own=own, results_root=tmp_path)
    again = wanted({"options": stored_options(["latency"], options)}, tmp_path / "run")
    assert again.options.own == own
    assert pair_of(again.options).arguments == ("--tenant", "x")


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
            subject = ExternalService("a", Target("http://x", []), open_process(process.pid))
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
    assert ExternalService("a", Target("http://x", []), None).usage() == {}
    assert subject.settle() is None


def test_conditions_may_name_services_and_operations_of_the_user() -> None:
    condition = parse_condition("p95@v2/items/read>50ms")
    assert (condition.deployment, condition.operation) == ("v2", "items/read")


def test_a_limit_names_services_of_the_user_and_what_is_measured_of_them() -> None:
    offered = [measurable(RunOptions(own={"url": [A, B]}), PROFILES["smoke"])]
    check_measurable(parse_condition("p95@a/its_own_name>1s"), offered)
    for text, says in (
        ("p95@c>1s", "no deployment 'c' in this run; there are a, b"),
        ("cpu@a>1ms", "no metric 'cpu' in this run"),  # without --pid
        ("throughput@a<9", "no metric 'throughput' in this run"),  # without --load open
    ):
        with pytest.raises(ShopbenchError, match=says) as refused:
            check_measurable(parse_condition(text), offered)
        assert refused.value.exit_code == 2
