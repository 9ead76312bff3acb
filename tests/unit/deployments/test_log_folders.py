"""Old logs go when a deployment starts, also when several start at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.deployments.local.driver import KEPT_LOG_FOLDERS, _prune_logs
from bench.deployments.local.home import StateHome


def test_starts_at_the_same_time_prune_the_same_logs(tmp_path: Path) -> None:
    home = StateHome(tmp_path)
    home.deployments.mkdir()
    for number in range(300):
        (home.logs / f"old-{number}").mkdir(parents=True)
    with ThreadPoolExecutor(8) as starts:
        list(starts.map(_prune_logs, [home] * 8))
    assert len(list(home.logs.iterdir())) == KEPT_LOG_FOLDERS
