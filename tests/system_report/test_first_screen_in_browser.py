"""The first screen in a real browser: above the fold, nothing cut or over each other, keyboard."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.report.analysis import analyse
from bench.report.build import write_report
from bench.report.tiles import Tile
from tests.system_report.chromium import Tab, browser_tab, chromium_path
from tests.unit.experiments.failure.fault_runs import Losses, write_run
from tests.unit.report.factory import Rounds, make_run

CHROMIUM = chromium_path()
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH to look at the page with"),
    pytest.mark.timeout(300),
]
TILE = Tile("Visits served while something is broken", 12.3, 45.6, "of 100", ("fewer", "more"),
            "+33 points [22.2, 44.4], 6 repetitions; 10 faults")  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rounds of all deployments, and the tiles and the figure of experiments that are not in it."""
    root = tmp_path_factory.mktemp("first")
    rounds = analyse(make_run(root, Rounds(), "rounds"))
    faults = analyse(write_run(root, Losses(repetitions=3)))
    sections = [*rounds.sections, replace(faults.sections[0], tiles=(TILE,) * 6)]
    return write_report(replace(rounds, sections=sections))


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    assert CHROMIUM is not None
    async with browser_tab(CHROMIUM) as tab:
        yield tab


async def test_sentence_trust_and_tiles_stand_above_the_fold(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 1280, 900)
    assert await tab.ask("document.querySelectorAll('.tiles li').length") == 10
    below = "[...document.querySelectorAll('.answer, .trust, .tiles li')]"
    assert await tab.ask(f"Math.max(...{below}.map(e => e.getBoundingClientRect().bottom))") <= 900


# Boxes that should stand apart but do not: blocks of the first screen, tiles, texts of its figures
# (axis numbers stand slanted, so that only their boxes meet).
OVERLAPS = """
(() => { const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const groups = [[...document.querySelectorAll('#result > :not(.unseen)')],
    [...document.querySelectorAll('.tiles li')], [...document.querySelectorAll('.beside figure')],
    ...[...document.querySelectorAll('.tiles li')].map(li => [...li.children]),
    ...[...document.querySelectorAll('.beside svg')].map(s => [...s.querySelectorAll('text')]
      .filter(t => !/rotate\\((?!-?0)/.test(t.getAttribute('transform') || '')))];
  return groups.flatMap(group => group.flatMap((a, i) => group.slice(i + 1)
    .filter(b => meet(a.getBoundingClientRect(), b.getBoundingClientRect()))
    .map(b => a.textContent.trim().slice(0, 30) + ' | ' + b.textContent.trim().slice(0, 30)))); })()
"""
# What is wider or higher than the box that holds it, or leaves the window.
CUT = """
[...document.querySelectorAll('#result *:not(svg *)')].filter(e => !e.closest('.unseen')
  && e.checkVisibility() && (e.scrollWidth > e.clientWidth + 1 && e.clientWidth
  && getComputedStyle(e).display !== 'inline'
  || e.getBoundingClientRect().right > document.documentElement.clientWidth + 1))
  .map(e => e.tagName + ': ' + e.textContent.trim().slice(0, 40)).concat(
[...document.querySelectorAll('.beside svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => {
    const b = t.getBoundingClientRect();
    return b.left < box.left - 1 || b.right > box.right + 1 || b.bottom > box.bottom + 1; })
  .map(t => t.textContent.trim()); }))
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_nothing_overlaps_or_is_cut(page: Path, tab: Tab, width: int, scheme: str) -> None:
    await tab.scheme(scheme)
    await tab.open(page.as_uri(), width)
    assert await tab.ask(OVERLAPS) == []
    assert await tab.ask(CUT) == []
    columns = (
        "new Set([...document.querySelectorAll('.beside figure')].map(f => f.offsetLeft)).size"
    )
    assert await tab.ask(columns) == (2 if width == 1280 else 1)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert await tab.ask(ground) == (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)"
    )
    assert tab.complaints() == []


async def test_the_measuring_finds_what_is_planted(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 1280)
    await tab.ask("document.querySelector('.tiles li').style = 'position: relative; left: 99px'")
    await tab.ask("document.querySelector('.beside svg text').setAttribute('x', '9999')")
    wide = "document.querySelector('.tiles li:nth-child(5) small')"
    await tab.ask(f"{wide}.style = 'display: block; white-space: nowrap; width: 20px'")
    assert len(await tab.ask(OVERLAPS)) == 1
    cut = await tab.ask(CUT)
    assert any(line.startswith("SMALL") for line in cut)
    assert not all(": " in line for line in cut)


async def test_every_control_is_reached_and_works_by_keyboard(page: Path, tab: Tab) -> None:
    await tab.open(page.as_uri(), 1280)
    await tab.ask("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    controls = "button, select, summary, a[href], .canvas"
    assert await tab.ask(
        f"[...document.querySelectorAll('{controls}')].filter(e => e.tabIndex < 0"
        " && e.getAttribute('role') !== 'tab').map(e => e.outerHTML.slice(0, 80))"
    ) == []  # fmt: skip

    await tab.ask("document.querySelector('.beside .canvas').focus()")
    await tab.press("ArrowRight")
    told = "document.querySelector('.beside .told').textContent"
    first = await tab.ask(told)
    assert first.startswith("monolith · ")
    await tab.press("ArrowRight")
    assert await tab.ask(told) != first

    await tab.ask("document.querySelector('.switches button').focus()")
    await tab.press(" ")
    assert await tab.ask("document.activeElement.getAttribute('aria-pressed')") == "false"
    assert await tab.ask("document.querySelectorAll('figure .off').length") > 0

    await tab.ask("document.querySelector('[role=tab][tabindex=\"0\"]').focus()")
    await tab.press("ArrowRight")
    assert await tab.ask("document.activeElement.getAttribute('aria-selected')") == "true"

    await tab.ask("document.querySelector('#percentile-table th button').focus()")
    await tab.press("Enter")
    assert await tab.ask("document.activeElement.parentElement.getAttribute('aria-sort')")

    await tab.ask("document.querySelector('#limits summary').focus()")
    await tab.press("Enter")
    assert await tab.ask("document.querySelector('#limits details').open") is False


async def test_a_link_unfolds_what_it_leads_to_and_csv_needs_no_server(
    page: Path, tab: Tab
) -> None:
    await tab.open(page.as_uri(), 1280)
    await tab.ask("document.querySelector('.contents a[href=\"#quality\"]').click()")
    assert await tab.ask("new Promise(r => setTimeout(r, 50)).then(() => 1) && 1") == 1
    assert await tab.ask("document.querySelector('#quality details').open") is True
    heads = (
        "[...document.querySelectorAll('figure')]"
        ".map(f => f.querySelector('a[href^=\"data:text/csv\"]'))"
        ".map(a => a ? atob(a.href.split(',')[1]).split('\\n')[0] : 'none')"
    )
    found = await tab.ask(heads)
    assert "arm,what,value,low,high,n,unit" in found
    assert "none" not in found
