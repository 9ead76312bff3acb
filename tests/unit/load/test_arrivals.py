"""Open-loop arrivals in a locustfile of one's own, run by plain `locust`."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bench.load
from tests.unit.load.conftest import heard

ROOT = Path(__file__).resolve().parents[3]
MINE = """
from locust import FastHttpUser, HttpUser, task
from bench.load.arrivals import OpenLoop

class Visitor(FastHttpUser):
    abstract = True
    @task
    def home(self):
        self.client.get("/home")

class Other(HttpUser):
    abstract = True
    weight = 1
    @task
    def there(self):
        self.client.get("/there")

class Arrivals(OpenLoop):
    visitors = [Visitor, Other]
    rate = 40
    gaps = "uniform"
    seconds = 2.0
"""


def plain_locust(file: Path, url: str) -> tuple[str, list[dict[str, str]]]:
    """What Locust says, and its table of requests."""
    prefix = file.with_suffix("")
    options = ["--headless", "-u", "1", "-t", "8s", "--host", url, "--csv", str(prefix)]
    run = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(file), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    with Path(f"{prefix}_stats.csv").open() as table:
        return run.stderr, list(csv.DictReader(table))


def test_any_locustfile_gets_arrivals_that_wait_for_nobody(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    """Answers take 0.4 s: forty closed users would be needed, here they come unasked."""
    file, url = tmp_path / "mine.py", serve("--delay-ms", "400")
    file.write_text(MINE)
    said, table = plain_locust(file, url)
    found = {(row["Type"], row["Name"]): row for row in table}
    made = heard(url)
    assert 78 <= len(made) <= 80, said
    assert int(found["", "Aggregated"]["Request Count"]) == 2 * len(made)
    assert int(found["", "Aggregated"]["Failure Count"]) == 0, said
    assert {name for kind, name in found if kind == "visit"} == {"Visitor.home", "Other.there"}
    assert float(found["visit", "Visitor.home"]["Median Response Time"]) >= 390
    assert made[-1]["at"] - made[0]["at"] < 3.0  # one closed user would take 32 s


def test_a_visit_without_a_free_instance_is_a_failure_in_locusts_table(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    file, url = tmp_path / "mine.py", serve("--delay-ms", "5000")
    file.write_text(MINE.replace("rate = 40", "rate = 40\n    instances = most = 5"))
    _, table = plain_locust(file, url)
    failed = sum(int(row["Failure Count"]) for row in table if row["Type"] == "visit")
    assert failed >= 60


def test_the_modules_own_example_runs(serve: Callable[..., str], tmp_path: Path) -> None:
    text = Path(bench.load.__file__).with_name("arrivals.py").read_text()
    example = re.search(r"\n\n((?:    .*\n|\n)+?)    locust -f", text)
    assert example is not None
    file, url = tmp_path / "mine.py", serve()
    file.write_text(re.sub("^    ", "", example[1], flags=re.MULTILINE))
    said, table = plain_locust(file, url)
    assert int(table[-1]["Request Count"]) > 200, said
    assert int(table[-1]["Failure Count"]) == 0, said
