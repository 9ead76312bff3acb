"""The report in a real browser, wide and narrow: nothing spills, everything clicks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.report.build import build_report
from bench.report.compare import compare_runs
from bench.report.index import write_index
from bench.results.journal import TrialStatus
from tests.system_report.chromium import Tab, browser_tab, chromium_path
from tests.unit.report.factory import LADDER_RUN, Rounds, make_run, pair_run
from tests.unit.results.listed import listed_run

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


UNFOLD = "document.querySelectorAll('details').forEach(d => { d.open = true; })"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = replace(LADDER_RUN, starts=7, status=_some_invalid)
    settings = {"resumed": [{"at": "2026-11-23T02:00:00Z", "gap_s": 60.0, "trials": 5}]}
    plan = Rounds(made, settings=settings, floor=True)
    return build_report(make_run(tmp_path_factory.mktemp("page"), plan))


def _some_invalid(deployment: str, block: int) -> TrialStatus:
    return "invalid" if deployment == "modular" and block == 0 else "valid"


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
    await tab.ask(UNFOLD)
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
    assert groups >= 2
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


ORDER = [
    "result", "comparison", "ratios", "ladder", "time", "distribution", "percentiles", "cpu",
    "claims", "measure", "verdicts", "floor", "quality", "limits", "reproduce",
]  # fmt: skip


async def test_the_first_screen_says_the_result_and_the_sections_keep_their_order(
    page: Path, tab: Tab
) -> None:
    await tab.open(page.as_uri(), 1280)
    ids = await tab.ask("[...document.querySelectorAll('main > section')].map(s => s.id)")
    assert [name for name in ids if name in ORDER] == ORDER
    first = "document.querySelector('p.answer')"
    assert await tab.ask(f"{first}.getBoundingClientRect().top") < 250
    assert "splitting this shop into services makes" in await tab.ask(f"{first}.textContent")
    table = "document.querySelector('#comparison table')"
    assert await tab.ask(f"{table}.tBodies[0].rows.length") == 6


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.slow)])
async def test_all_claims_unfold_without_spilling(page: Path, tab: Tab, width: int) -> None:
    await tab.open(page.as_uri(), width)
    shown = "document.querySelector('table.claims').checkVisibility()"
    assert await tab.ask(shown) is False
    await tab.ask("document.querySelector('#claims summary').click()")
    assert await tab.ask(shown) is True
    assert await tab.ask("document.querySelectorAll('table.claims tbody').length") > 30
    assert await tab.ask(SPILL) == 0
    cards = "document.querySelector('.cards')"
    assert await tab.ask(f"{cards}.scrollWidth - {cards}.clientWidth") == 0
    assert await tab.ask(CONTRAST) == []


async def test_every_link_of_the_contents_leads_to_its_section(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 1280)
    links = await tab.ask(
        "[...document.querySelectorAll('.contents a')].map(a => { a.click();"
        " return document.querySelector(':target') ? '' : a.textContent; }).filter(Boolean)"
    )
    assert links == []


async def test_the_figures_have_words_and_a_resumed_run_says_so(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 1280)
    text = "document.querySelector('#figure-{}').textContent"
    assert "share of the mean" in await tab.ask(text.format("timing-shares"))
    assert "ladder" in await tab.ask("document.querySelector('#ladder').textContent.toLowerCase()")
    assert await tab.ask(CUT_OFF) == []
    assert "resumed" in await tab.ask("document.getElementById('quality').textContent")


CONTRAST = """
(() => { const lum = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => { x = x / 255;
    return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const back = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('main *, header *, footer *')]
    .filter(e => !e.closest('svg') && e.checkVisibility()
      && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .filter(e => { const a = lum(getComputedStyle(e).color), b = lum(back(e));
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5; })
    .map(e => e.tagName + ': ' + e.textContent.trim().slice(0, 40)); })()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_outside_figures_reads_at_a_contrast_of_4_5(
    page: Path, tab: Tab, scheme: str
) -> None:
    await tab.scheme(scheme)
    await tab.open(page.as_uri(), 1280)
    await tab.ask(UNFOLD)
    assert await tab.ask(CONTRAST) == []


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
    first = make_run(tmp_path, pair_run(), "first")
    second = make_run(tmp_path, pair_run(seed=2), "second")
    await tab.open(compare_runs([first, second]).page.as_uri(), width)
    assert await tab.ask(SPILL) == 0
    assert await tab.ask("document.querySelectorAll('.metric .bar .dot').length") > 16
    assert await tab.ask(CUT_OFF) == []
    assert tab.complaints() == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_of_all_runs(tmp_path: Path, tab: Tab, width: int, scheme: str) -> None:
    for hour in range(10):
        listed_run(tmp_path, f"20261130-0{hour}0000-latency-capacity-failure-quick-a4{hour}e", hour)
    dark = {"name": "prefers-color-scheme", "value": scheme}
    await tab.send("Emulation.setEmulatedMedia", features=[dark])
    await tab.open(write_index(tmp_path).as_uri(), width)
    assert await tab.ask(SPILL) == 0
    assert await tab.ask("document.querySelectorAll('.trend g').length") == 10
    bar = "document.querySelector('.chosen')"
    assert await tab.ask(f"{bar}.hidden")
    for at in (0, 2):
        await tab.ask(f"document.querySelectorAll('.entry input')[{at}].click()")
    line = await tab.ask(f"{bar}.querySelector('code').textContent")
    assert line.startswith("shopbench compare ")
    assert [path[-4:] for path in line.split()[2:]] == ["a47e", "a49e"]
    assert await tab.ask(SPILL) == 0
    await tab.ask("document.querySelector('.trend g').dispatchEvent(new Event('click'))")
    assert "×1.50" in await tab.ask("document.querySelector('.trend .point').textContent")
    assert tab.complaints() == []
