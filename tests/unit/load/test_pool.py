"""Sessions: reuse, reconnect, honest failures, a bound; and the pacers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.load.load_process import in_load_process


def test_a_connection_is_used_again(serve: Callable[..., str]) -> None:
    port = serve().rpartition(":")[2]
    assert in_load_process(f"""
        session = Session("127.0.0.1", {port}, 5)
        first = session.exchange(WIRE, "GET"); one = session._socket
        second = session.exchange(WIRE, "GET"); two = session._socket
        print(json.dumps([first.status, second.status, one is two, first.sent < first.done]))
    """) == [200, 200, True, True]


def test_a_connection_the_server_closed_while_idle_is_opened_again() -> None:
    assert in_load_process("""
        port = scripted(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        session = Session("127.0.0.1", port, 5)
        first = session.exchange(WIRE, "GET"); gevent.sleep(0.1)
        second = session.exchange(WIRE, "GET")
        print(json.dumps([first.status, second.status, second.error]))
    """) == [200, 200, ""]


def test_every_way_to_get_no_answer_has_a_name() -> None:
    assert in_load_process("""
        def error(*answers, timeout=5):
            return Session("127.0.0.1", scripted(*answers), timeout).exchange(WIRE, "GET").error
        closed = gevent.socket.socket(); closed.bind(("127.0.0.1", 0))
        refused = Session("127.0.0.1", closed.getsockname()[1], 5).exchange(WIRE, "GET").error
        half = b"HTTP/1.1 200 OK\\r\\nContent-Length: 20\\r\\n\\r\\nok"
        silent = gevent.socket.socket(); silent.bind(("127.0.0.1", 0)); silent.listen()
        late = Session("127.0.0.1", silent.getsockname()[1], 0.2).exchange(WIRE, "GET").error
        print(json.dumps([refused, error(b""), error(b"nonsense\\r\\n\\r\\n"), late, error(half)]))
    """) == ["refused", "closed", "parse", "timeout", "parse"]


def test_each_answer_has_the_whole_timeout(serve: Callable[..., str]) -> None:
    """Twelve waits of 0.1 s on one connection that gives each 0.8 s."""
    port = serve("--delay-ms", "100").rpartition(":")[2]
    assert (
        in_load_process(f"""
        session = Session("127.0.0.1", {port}, 0.8)
        print(json.dumps([session.exchange(WIRE, "GET").error for _ in range(12)]))
    """)
        == [""] * 12
    )


def test_after_a_timeout_the_next_answer_has_the_whole_timeout() -> None:
    assert (
        in_load_process("""
        silent = gevent.socket.socket(); silent.bind(("127.0.0.1", 0)); silent.listen()
        session = Session("127.0.0.1", silent.getsockname()[1], 0.2)
        answers = [session.exchange(WIRE, "GET") for _ in range(3)]
        print(json.dumps([[a.error, a.done - a.sent > 0.15] for a in answers]))
    """)
        == [["timeout", True]] * 3
    )


def test_connection_close_is_obeyed() -> None:
    assert in_load_process("""
        head = b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n"
        port = scripted(head + b"Content-Length: 2\\r\\n\\r\\nok")
        session = Session("127.0.0.1", port, 5)
        print(json.dumps([session.exchange(WIRE, "GET").error for _ in range(3)]))
    """) == ["", "", ""]


def test_a_full_pool_refuses_and_reuses_what_is_given_back() -> None:
    assert in_load_process("""
        pool = SessionPool("http://127.0.0.1:9", 2, 5)
        one, two = pool.take(), pool.take()
        full = pool.take() is None
        pool.give_back(two)
        print(json.dumps([full, pool.take() is two, pool.take() is None]))
    """) == [True, True, True]


def test_the_load_process_imports_nothing_heavy() -> None:
    loaded = in_load_process("""
        import bench.load.worker
        heavy = {"pandas", "matplotlib", "asyncio", "aiohttp", "numpy", "pyarrow"}
        print(json.dumps(sorted(heavy & set(sys.modules))))
    """)
    assert loaded == []


@pytest.mark.alone
def test_pacers_are_on_time_and_never_early() -> None:
    """Late at the median by at most 1 ms more than a bare sleep in the same process."""
    for name in ("TimerfdPacer", "SleepPacer"):
        late, control = in_load_process(f"""
            import time
            from bench.load.pacer import {name}
            pacer = {name}()
            def sleep_until(due):
                time.sleep(max(0.0, due - perf_counter()))
            def lateness(wait):
                start, late = perf_counter() + 0.01, []
                for number in range(300):
                    due = start + 0.002 * number
                    wait(due)
                    late.append(perf_counter() - due)
                return sorted(late)
            print(json.dumps([lateness(pacer.wait_until), lateness(sleep_until)]))
        """)
        assert late[0] > -0.0005, name
        assert late[150] < control[150] + 0.001, name


def test_a_pacer_lets_others_run_while_it_waits_and_when_it_is_behind() -> None:
    assert in_load_process("""
        from bench.load.pacer import make_pacer
        pacer, ticks = make_pacer(), []
        def tick():
            for _ in range(20):
                ticks.append(1); gevent.sleep(0.001)
        gevent.spawn(tick)
        pacer.wait_until(perf_counter() + 0.05)
        waiting = len(ticks)
        gevent.spawn(ticks.append, 1)
        for _ in range(3):
            pacer.wait_until(perf_counter() - 1)
        print(json.dumps([waiting > 10, len(ticks) > waiting]))
    """) == [True, True]


def test_locusts_own_statistics_get_the_time_since_the_request_was_due(
    serve: Callable[..., str],
) -> None:
    """Ten arrivals at once, one connection's worth of server: the last waits for all others."""
    url = serve("--service-ms", "20")
    requests, median, failures = in_load_process(f"""
        from bench.load.plan import Plan, Request, Visit
        from bench.load.source import ArrivalSource
        from bench.load.worker import run_plan
        from locust.env import Environment
        step = (Request("wallet_read", "/api/v1/wallet", b""),)
        visits = [Visit(0.0, "wallet_read", 0, step) for _ in range(10)]
        plan = Plan("{url}", "open", visits, ["t"], "k", "/api/v1", 0.0, 0.5)
        environment = Environment(user_classes=[ArrivalSource], host=plan.base_url)
        run_plan(plan, environment)
        entry = environment.stats.get("wallet_read", "GET")
        print(json.dumps([entry.num_requests, entry.median_response_time, entry.num_failures]))
    """)
    assert (requests, failures) == (10, 0)
    assert median >= 90
