"""The report in a real browser, wide and narrow: nothing spills, everything clicks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.report.build import build_report
from bench.report.compare import compare_runs
from tests.system_report.chromium import Tab, browser_tab, chromium_path
from tests.unit.report.factory import Plan, make_run

CHROMIUM = chromium_path()
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH to look at the page with"),
    pytest.mark.timeout(300),
]

SPILL = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
HIDDEN_PANELS = "[...document.querySelectorAll('[role=tabpanel]')].filter(p => p.hidden).length"
# Text of a figure that leaves the drawing: cut off on the page and in the file.
CUT_OFF = """
[...document.querySelectorAll('.canvas svg')].filter(s => s.getBoundingClientRect().width)
  .flatMap(svg => { const box = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(t => { const b = t.getBoundingClientRect();
      return b.width && (b.left < box.left - 2 || b.right > box.right + 2
        || b.top < box.top - 2 || b.bottom > box.bottom + 2) })
      .map(t => svg.getAttribute('aria-labelledby') + ': ' + t.textContent.trim()) })
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = Plan(blocks=6, requests=500, loads=(50.0, 150.0), mixes=("mixed", "order"), floor=True)
    return build_report(make_run(tmp_path_factory.mktemp("page"), plan))


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    assert CHROMIUM is not None
    async with browser_tab(CHROMIUM) as tab:
        yield tab


async def test_the_page_at_1280_pixels(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 1280)
    assert await tab.ask(SPILL) == 0
    assert await tab.ask("document.querySelectorAll('figure svg').length") > 8
    assert await tab.ask("document.querySelectorAll('.canvas svg text').length") > 200
    assert await tab.ask(CUT_OFF) == []
    await click_through(tab)
    assert tab.complaints() == []


@pytest.mark.slow
async def test_the_page_at_390_pixels(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 390)
    assert await tab.ask(SPILL) == 0
    widths = "[...document.querySelectorAll('p, li, h1, h2, h3')]"
    assert await tab.ask(
        f"{widths}.every(e => e.getBoundingClientRect().right <= 391 || e.closest('.contents'))"
    )
    assert await tab.ask("parseFloat(getComputedStyle(document.body).fontSize)") >= 15
    await click_through(tab)
    assert tab.complaints() == []


async def click_through(tab: Tab) -> None:
    """Choose the last tab of each group, sort a table both ways, filter it."""
    groups = await tab.ask("document.querySelectorAll('[role=tablist]').length")
    assert groups >= 3
    await tab.ask(
        "document.querySelectorAll('[role=tablist] [role=tab]:last-child').forEach(b => b.click())"
    )
    chosen = "[...document.querySelectorAll('[role=tab][aria-selected=true]')]"
    assert await tab.ask(f"{chosen}.length") == groups
    assert await tab.ask(
        f"{chosen}.every(b => !document.getElementById(b.getAttribute('aria-controls')).hidden)"
    )
    assert await tab.ask(HIDDEN_PANELS) > 0

    table = "document.getElementById('percentile-table')"
    p50 = f"[...{table}.tBodies[0].rows].map(r => Number(r.cells[6].dataset.sort))"
    for order in ("ascending", "descending"):
        await tab.ask(f"{table}.tHead.rows[0].cells[6].querySelector('button').click()")
        assert await tab.ask(f"{table}.tHead.rows[0].cells[6].getAttribute('aria-sort')") == order
        values = await tab.ask(p50)
        assert values == sorted(values, reverse=order == "descending")

    shown = f"[...{table}.tBodies[0].rows].filter(r => !r.hidden).length"
    before = await tab.ask(shown)
    await tab.ask(
        "(() => { const s = document.querySelectorAll('[data-filters] select')[2];"
        "s.value = 'monolith'; s.dispatchEvent(new Event('change')); })()"
    )
    assert 0 < await tab.ask(shown) < before


@pytest.mark.slow
async def test_without_scripts_everything_is_shown(page: Path, tab: Tab) -> None:
    await tab.send("Emulation.setScriptExecutionDisabled", value=True)
    await tab.open(page.as_uri(), 1280)
    assert await tab.ask(HIDDEN_PANELS) == 0
    assert await tab.ask("getComputedStyle(document.querySelector('.tabs')).display") == "none"


@pytest.mark.slow
async def test_on_paper_no_panel_is_left_out(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 1280)
    await tab.send("Emulation.setEmulatedMedia", media="print")
    shown = "[...document.querySelectorAll('[role=tabpanel]')].every(p => p.offsetHeight > 0)"
    assert await tab.ask(shown)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_comparison_of_two_runs(tmp_path: Path, tab: Tab, width: int) -> None:
    small = Plan(blocks=6, requests=300)
    first = make_run(tmp_path, small, "first")
    second = make_run(tmp_path, Plan(blocks=6, requests=300, seed=2), "second")
    await tab.open(compare_runs(first, second).page.as_uri(), width)
    assert await tab.ask(SPILL) == 0
    assert await tab.ask("document.querySelectorAll('figure svg').length") == 2
    assert await tab.ask(CUT_OFF) == []
    assert tab.complaints() == []
