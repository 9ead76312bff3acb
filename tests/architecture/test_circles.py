"""No two modules need each other: imports for types only and inside functions count too."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


def circle_in(graph: grimp.ImportGraph) -> list[str]:
    """The modules of a circle, the first one repeated at its end; [] if there is none."""
    needed = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


@pytest.mark.parametrize("program", ["monolith", "microservices", "bench"])
def test_no_modules_import_each_other_in_a_circle(program: str) -> None:
    assert circle_in(grimp.build_graph(program, cache_dir=None)) == []


def test_a_planted_circle_is_found() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a")):
        graph.add_import(importer=importer, imported=imported)
    assert set(circle_in(graph)) == {"a", "b", "c"}
