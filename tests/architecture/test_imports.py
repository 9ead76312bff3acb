"""Who may import whom: the tree keeps the rules, and each rule catches what is planted."""

import ast
import re
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT, copy_programs, lint_imports, module_name, parsed
from tests.architecture.tree import python_files as files_of

PROGRAMS = "The monolith, the microservices"
DJANGO = "Only the monolith imports Django"
STACK = "The monolith imports nothing"
SERVICES = "Services never import each other"
APP_LAYERS = "Monolith: overview -> orders"
INSIDE_APPS = "Monolith: inside an app"
OVERVIEW = "Monolith: the overview only reads"
BENCH = "Bench: cli"
APART = "Experiments never import each other"
HALVES = "What measures imports nothing"
LOAD = "Bench: what runs in the load process"

# (how the contract's name begins, the file to plant, the forbidden import in it; none: the file
# itself is what no layer lists)
PLANTED = [
    (PROGRAMS, "bench/audit/planted_01.py", "import monolith.common"),
    (PROGRAMS, "monolith/common/planted_02.py", "import microservices.chassis"),
    (PROGRAMS, "microservices/chassis/planted_03.py", "import bench.errors"),
    (DJANGO, "microservices/users/planted_04.py", "import django"),
    (DJANGO, "bench/audit/planted_05.py", "import rest_framework"),
    (STACK, "monolith/users/planted_06.py", "import aiohttp"),
    (SERVICES, "microservices/orders/planted_07.py", "import microservices.payments"),
    (SERVICES, "microservices/chassis/planted_08.py", "import microservices.users"),
    (SERVICES, "microservices/gateway/planted_09.py", "import microservices.inventory"),
    (SERVICES, "microservices/unlisted_planted_10.py", ""),
    (APP_LAYERS, "monolith/payments/planted_11.py", "import monolith.orders"),
    (APP_LAYERS, "monolith/common/planted_12.py", "import monolith.users"),
    (APP_LAYERS, "monolith/users/planted_13.py", "import monolith.inventory"),
    (INSIDE_APPS, "monolith/orders/selectors.py", "import monolith.orders.services"),
    (INSIDE_APPS, "monolith/orders/models.py", "import monolith.orders.selectors"),
    (OVERVIEW, "monolith/overview/planted_16.py", "import monolith.users.services"),
    ("Monolith: models of users", "monolith/orders/planted_17.py", "import monolith.users.models"),
    (
        "Monolith: models of inventory",
        "monolith/orders/planted_18.py",
        "import monolith.inventory.models",
    ),
    (
        "Monolith: models of payments",
        "monolith/orders/planted_19.py",
        "import monolith.payments.models",
    ),
    (
        "Monolith: models of orders",
        "monolith/overview/planted_20.py",
        "import monolith.orders.models",
    ),
    (BENCH, "bench/stats/planted_21.py", "import bench.audit"),
    (BENCH, "bench/audit/planted_22.py", "import bench.deployments"),
    (BENCH, "bench/results/planted_22.py", "import bench.report"),
    (BENCH, "bench/report/planted_23.py", "import bench.experiments.floor"),
    (BENCH, "bench/engine/planted_29.py", "import bench.report.analysis"),
    (APART, "bench/experiments/floor/planted_30.py", "import bench.experiments.network.measure"),
    (HALVES, "bench/experiments/floor/measure.py", "import bench.experiments.floor.figures"),
    (HALVES, "bench/engine/planted_31.py", "import pandas"),
    (BENCH, "bench/unlisted_planted_24.py", ""),
    (BENCH, "bench/registry.py", "import bench.results.journal"),
    (LOAD, "bench/load/planted_25.py", "import pandas"),
    (LOAD, "bench/load/planted_26.py", "import matplotlib"),
    (LOAD, "bench/load/planted_27.py", "import asyncio"),
    (LOAD, "bench/load/planted_28.py", "import aiohttp"),
]
APPS = ("users", "inventory", "payments", "orders", "overview", "common", "config")


def test_the_tree_keeps_every_import_rule() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def linted_plants(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Plant one violation of each kind in a copy of the tree, and lint that."""
    root = tmp_path_factory.mktemp("planted")
    copy_programs(root)
    for _, path, statement in PLANTED:
        target = root / path
        existing = target.read_text() if target.exists() else ""
        target.write_text(f"{existing}\n{statement}\n")
    result = lint_imports(root)
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize(("contract", "path", "statement"), PLANTED)
def test_a_planted_import_is_caught(
    linted_plants: str, contract: str, path: str, statement: str
) -> None:
    sections = re.split(r"\n(?=[^\n]+\n-{5,}\n)", linted_plants)
    section = next((part for part in sections if part.startswith(contract)), "")
    importer = path.removesuffix(".py").replace("/", ".")
    wanted = importer if not statement else rf"{importer} -> {statement.removeprefix('import ')}"
    assert re.search(rf"{wanted}\b", section), f"{contract!r} names no {wanted}:\n{linted_plants}"


def test_every_contract_has_a_planted_violation(linted_plants: str) -> None:
    kept = re.findall(r"^(.+) KEPT", linted_plants, flags=re.MULTILINE)
    assert not kept


def unqualified_imports(tree: ast.Module) -> list[str]:
    """Name the imports that would reach an app of the monolith past its package."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
    return [name for name in found if name.startswith(".") or name.split(".")[0] in APPS]


def test_the_monolith_imports_its_apps_by_their_full_name() -> None:
    """import-linter cannot see `from orders.models import Order`, so nothing may write it."""
    found = {
        module_name(path): names
        for path in files_of("monolith", "microservices", "bench")
        if (names := unqualified_imports(parsed(path)))
    }
    assert not found


@pytest.mark.parametrize(
    "statement", ["import orders.models", "from users import models", "from . import services"]
)
def test_a_planted_unqualified_import_is_caught(statement: str) -> None:
    assert unqualified_imports(ast.parse(statement))


def test_the_load_process_loads_nothing_heavy() -> None:
    """Beyond what locust itself brings: importing all of bench.load adds none of these."""
    code = (
        "import importlib, pkgutil, sys, locust, locust.contrib.fasthttp\n"
        "before = set(sys.modules)\n"
        "import bench.load\n"
        "for module in pkgutil.walk_packages(bench.load.__path__, 'bench.load.'):\n"
        "    importlib.import_module(module.name)\n"
        "heavy = {'pandas', 'matplotlib', 'asyncio', 'aiohttp'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def test_one_module_reads_and_writes_result_rows() -> None:
    """Result files have one reader and one writer: whoever imports Parquet knows their format."""
    importers = {
        module_name(path)
        for path in files_of("bench")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Import | ast.ImportFrom) and "pyarrow.parquet" in ast.unparse(node)
    }
    assert importers == {"bench.results.row_files"}
