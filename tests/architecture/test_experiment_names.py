"""What an experiment is called stands in its own folder alone: everybody else asks the registry."""

import ast
from collections.abc import Iterator
from pathlib import Path

from bench.registry import registered
from tests.architecture.tree import ROOT, parsed, python_files

OTHER_WORDS = {
    # What the services of the user's own stand in for, said where they are declared.
    ("bench/experiments/own_pair/__init__.py", "latency"),
    # A row of the comparison table, whose name an experiment has too.
    ("bench/experiments/latency/section.py", "complexity"),
    ("bench/experiments/footprint/section.py", "complexity"),
    # A word of the driver's protocol.
    ("bench/deployments/local/driver.py", "redeploy"),
    ("bench/deployments/local/supervisor.py", "redeploy"),
    # A word of Docker's command line.
    ("bench/deployments/compose/engine.py", "network"),
    ("bench/deployments/compose/state.py", "network"),
    # An operation of the drivers, by which any caller rolls a release out.
    ("bench/deployments/local/driver.py", "redeploy"),
    ("bench/deployments/local/supervisor.py", "redeploy"),
    # A kind of error that a request can end with.
    ("bench/load/listener.py", "network"),
    ("bench/load/visits.py", "network"),
}


def names_in(tree: ast.Module, names: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in names:
            yield node.value


def literals_outside(paths: Iterator[Path]) -> set[tuple[str, str]]:
    folders = {each.name: each.folder for each in registered()}
    return {
        (str(path.relative_to(ROOT)), name)
        for path in paths
        for name in names_in(parsed(path), set(folders))
        if not path.is_relative_to(folders[name])
    }


def test_no_module_names_an_experiment_of_another_folder() -> None:
    assert literals_outside(python_files("bench")) == OTHER_WORDS


def test_a_planted_name_is_found() -> None:
    planted = ast.parse('if trial.experiment == "latency":\n    pass')
    assert list(names_in(planted, {"latency"})) == ["latency"]
