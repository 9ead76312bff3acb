"""What the report says of it."""

from bench.experiments.toy.measure import NAME  # type: ignore[import-not-found]

from bench.report.section import Section
from bench.results.dataset import RunData
from bench.results.verdict import TableCell, Verdict


def sections(data: RunData) -> list[Section]:
    """One section, if the run has the experiment."""
    found = data.samples_of(NAME)
    if not found:
        return []
    sent = {sample.trial.deployment: sample.trial.sent for sample in found}
    verdict = Verdict(
        id="toy/sent", question="Was as much sent to both?", metric="sent", numerator="modular",
        denominator="monolith", operation="all", estimate=1.0, low=1.0, high=1.0, level=0.95,
        n_blocks=1, verdict="supported", rule="the toy's",
    )  # fmt: skip
    sentence = f"The toy sent {sent['monolith']} requests to the monolith."
    return [
        Section(
            anchor=NAME,
            title="A toy",
            template="toy/section.html",
            context={"sentence": sentence},
            summary=(sentence,),
            verdicts=(verdict,),
            cells=(TableCell("deployment", "monolith", NAME, f"{sent['monolith']} toys sent"),),
            tables={"toys": [{"deployment": name, "sent": n} for name, n in sent.items()]},
            limits=("A toy shows nothing of a real release.",),
        )
    ]
