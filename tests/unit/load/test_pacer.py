"""The pacers wait until a moment and let others run meanwhile."""

from __future__ import annotations

import pytest

from tests.unit.load.load_process import in_load_process


def test_the_load_process_imports_nothing_heavy() -> None:
    loaded = in_load_process("""
        import sys
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
