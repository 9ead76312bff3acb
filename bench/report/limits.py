"""What a run does not show, and what has to be said before anything else is read."""

from bench.report.analysis import Analysis
from bench.report.drawings import taint
from bench.report.naming import own_names
from bench.report.verdicts import SMOKE_NOTE

_ALWAYS = (
    "One machine: calls between services cross the loopback interface, which has no distance and "
    "loses nothing. On a real network every hop costs more.",
    "One shop, one data size, these requests, this pair of frameworks. The step from monolith to "
    "modular changes the framework; it is no statement about architecture.",
    "Equal CPU for every deployment. What scaling out would buy, teams, and independent releases "
    "are not in these figures.",
    "Time and CPU of paired rounds are of single requests at light load. They do not foretell what "
    "happens under another load.",
)


_OWN = (
    "The services are the user's own, started and pinned or not by the user: how they were built, "
    "configured and warmed, and what else runs for them, is not known here.",
    "CPU is that of the process trees that were named, without databases or workers beside them; "
    "of a service without a process id it is not measured.",
    "This load: the tasks and weights it was given. Waiting times between tasks are left out. In "
    "turns one request at a time is under way, so queues are not seen: `--load open` shows them. "
    "What a service does after its answer may fall into the other's turn.",
    "A verdict speaks of the medians and the CPU under this load. It is not a prediction for "
    "another load, another rate or another machine.",
)


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
        (bool(taint(analysis)), taint(analysis)),
    )
    return [text for applies, text in checks if applies] + list(journal.notes)


def limits(analysis: Analysis) -> list[str]:
    """Return what this run cannot be used for."""
    present = {trial.deployment for trial in analysis.data.judged_trials}
    present |= {episode.deployment for episode in analysis.data.journal.episodes}
    own = own_names(analysis.data.journal.settings)
    found = list(_OWN if own else _ALWAYS)
    missing = [d for d in ("monolith", "modular", "modular-split", "microservices")
               if d not in present]  # fmt: skip
    if missing and not own:
        found.append(f"Deployments that this run did not measure: {', '.join(missing)}.")
    if any(s.trial.loop == "closed" for s in analysis.data.load_trials):
        found.append(
            "Closed-loop trials: users wait for answers, so a slow server is asked less and "
            "percentiles look better than arrivals from outside would see."
        )
    if analysis.data.setting("request_timeout_s", 0.0) == 0.0:
        found.append(
            "The run does not state the client's timeout: an unanswered request counts with the "
            "time until it failed."
        )
    return found
