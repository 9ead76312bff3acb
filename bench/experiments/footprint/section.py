"""Section 'Footprint': what a shop costs that hardly anybody visits."""

from bench.experiments.footprint import first_screen
from bench.experiments.footprint.figures import memory_figure, money_figure
from bench.experiments.footprint.findings import Profile, cell_of, profiles_of
from bench.experiments.footprint.judge import comparisons, verdict_of
from bench.experiments.footprint.ratios import KIND, RULE, Compared
from bench.experiments.footprint.records import NAME, Footprint, read_footprint
from bench.experiments.footprint.sentences import at_rest, money, spoken
from bench.experiments.footprint.tables import (
    basis_rows,
    component_rows,
    load_records,
    load_rows,
    money_rows,
    rest_rows,
    shipped_rows,
    start_records,
)
from bench.report.fields import verdict_fields
from bench.report.prices import Prices, read_prices
from bench.report.section import ARMS, Comparable, Section
from bench.report.spoken import said
from bench.report.summary_table import markdown_table
from bench.results.dataset import RunData
from bench.results.verdict import SMOKE_NOTE, TableCell

_LIMITS = (
    "Footprint: a cold start is that of a stopped shop whose data is there and whose program files "
    "are in the page cache, on all CPUs of this machine; nothing is migrated or loaded. The driver "
    "copies seeded data folders before it, which is in its whole `up` and not in the cold start.",
    "Footprint: the monolith's server gets workers by the rule (2 × CPUs) + 1, so its memory grows "
    "with the CPUs it is given; the services have one process each whatever the CPUs.",
    "Footprint: money is for CPU as used and memory as held, at the prices of bench/prices.toml; "
    "no smallest size that can be rented, no load balancer, no managed database, nobody's work. "
    "The capacity that counts the copies is that of a short closed loop, and the CPU of a request "
    "that of a shop which has answered a few hundred before. Smoke and quick load each deployment "
    "once: money and crossings have no interval there, and move from run to run.",
)


def sections(data: RunData) -> list[Section]:
    """Return the section, if the run has the experiment."""
    found = read_footprint(data.journal.settings, data.path)
    smoke = data.journal.profile == "smoke"
    profiles = profiles_of(found, smoke=smoke)
    return [_section(found, profiles, smoke=smoke)] if profiles else []


def _section(found: Footprint, profiles: list[Profile], *, smoke: bool) -> Section:
    prices = read_prices()
    verdicts = tuple(verdict_of(each, smoke=smoke) for each in comparisons(found))
    decided, otherwise = said(verdicts, {NAME: spoken})
    lines = [*map(at_rest, profiles), *decided, *money(profiles, prices)]
    names = [profile.deployment for profile in profiles]
    costs = [each for each in (profile.costs for profile in profiles) if each is not None]
    figures = (memory_figure(profiles), money_figure(costs, prices))
    rest = rest_rows(profiles)
    return Section(
        anchor=NAME,
        tiles=tuple(first_screen.tiles(profiles, comparisons(found), smoke=smoke)),
        title="Footprint: a shop that hardly anybody visits",
        contents="Footprint",
        template="footprint/section.html",
        context={
            "smoke": SMOKE_NOTE if smoke else "",
            "lines": lines,
            "notes": _notes(found, profiles),
            "names": names,
            "rest": rest,
            "loads": load_rows(profiles),
            "components": component_rows(profiles),
            "shipped": shipped_rows(found.shipped),
            "money": money_rows(costs, prices),
            "basis": basis_rows(costs),
            "prices": _price_words(prices),
            "currency": prices.currency,
            "verdicts": [verdict_fields(verdict) for verdict in verdicts],
            "rule": RULE,
        },
        figures=tuple(figure for figure in figures if figure is not None),
        summary=(
            "\n".join(f"- {text}" for text in lines),
            markdown_table(["A fresh start, at rest", *names], rest),
        ),
        verdicts=verdicts,
        sentences=decided,
        otherwise=otherwise,
        cells=tuple(
            TableCell("complexity", profile.deployment, NAME, cell_of(profile))
            for profile in profiles
            if profile.deployment in ARMS
        ),
        tables={"footprint_starts": start_records(found), "footprint_loads": load_records(found)},
        compared=tuple(map(_comparable, comparisons(found))),
        limits=_LIMITS,
    )


def _comparable(found: Compared) -> Comparable:
    """By what two runs are held against each other: start by start, at the rule's 10 %."""
    name = f"{NAME}/{found.top}:{found.bottom}/{found.metric.name}"
    label = f"{found.top} : {found.bottom}, {found.metric.what}"
    return Comparable(name, label, name, found.logs, KIND)


def _notes(found: Footprint, profiles: list[Profile]) -> list[str]:
    """What is missing or was not as it should be."""
    restless = [
        f"{start.deployment}, start {start.number + 1}"
        for profile in profiles
        for start in profile.starts
        if not start.settled
    ]
    told = [found.stopped, found.shipped_note, found.images_note]
    if restless:
        told.append(f"Not at rest when the time for that was over: {'; '.join(restless)}")
    return [f"{text[0].upper()}{text[1:]}." for text in told if text]


def _price_words(prices: Prices) -> str:
    return (
        f"{prices.label} prices of {prices.date}: {prices.vcpu_hour} a vCPU-hour, "
        f"{prices.gib_hour} a GiB-hour; bench/prices.toml"
    )
