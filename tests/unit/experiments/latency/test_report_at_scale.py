"""The benchmark of the report runs; its ten million rows are for the command in its docstring."""

import pytest

from bench.experiments.latency.report_at_scale import run_benchmark


@pytest.mark.slow
def test_the_benchmark_measures_what_it_says() -> None:
    found = run_benchmark(rows=32_000)
    assert (found["rows"], found["trials"]) == (32_000, 32)
    parts = found["import_s"] + found["load_and_analyse_s"] + found["figures_and_page_s"]
    assert parts == pytest.approx(found["wall_s"], abs=0.05)
    assert found["peak_rss_bytes"] > 50e6
