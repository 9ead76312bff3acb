"""What a run does not show, and what has to be said before anything else is read."""

from bench.report.analysis import Analysis
from bench.results.verdict import SMOKE_NOTE

_PLACES = {
    "local": "One machine: calls between services cross the loopback interface, which has no "
    "distance and loses nothing. On a real network every hop costs more.",
    "compose": "One machine: calls between services cross a bridge between containers, which has "
    "no distance and loses nothing. On a real network every hop costs more.",
}


def banners(analysis: Analysis) -> list[str]:
    """Return the warnings at the top of the page; empty for a clean, controlled run."""
    journal = analysis.data.journal
    checks = (
        (journal.profile == "smoke", f"{SMOKE_NOTE.capitalize()}. No number here is a result."),
        (journal.interrupted, "The run was interrupted: what was measured until then is shown."),
        (
            journal.finished_at is None,
            "The run has not finished: what was measured until now is shown.",
        ),
        (
            not journal.controlled,
            "Uncontrolled: CPU budget or pinning could not be enforced on this machine, so the "
            "deployments may have had unequal CPU.",
        ),
        (journal.dirty, "The working tree had local changes: the commit alone does not reproduce."),
    )
    said = [text for section in analysis.sections for text in section.banners]
    return [text for applies, text in checks if applies] + said


def limits(analysis: Analysis) -> list[str]:
    """Return what this run cannot be used for."""
    found = [text for section in analysis.sections for text in section.limits]
    if not analysis.own:
        found = [_PLACES.get(_place(analysis), _PLACES["local"]), *found]
    if analysis.data.setting("request_timeout_s", 0.0) == 0.0:
        found.append(
            "The run does not state the client's timeout: an unanswered request counts with the "
            "time until it failed."
        )
    return list(dict.fromkeys(found))


def _place(analysis: Analysis) -> str:
    return str(analysis.data.journal.settings.get("place", "local"))
