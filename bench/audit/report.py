"""The audit's result: a verdict for each invariant, printable and ready for JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.audit.findings import Evidence

Outcome = Literal["valid", "violated", "unknown"]
SCHEMA_VERSION = 1
PRINTED_EVIDENCE = 5


@dataclass(frozen=True)
class Verdict:
    """One invariant's verdict. `checked`: things looked at; `reason`: why it is unknown."""

    invariant: str
    statement: str
    outcome: Outcome
    checked: int = 0
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class AuditReport:
    verdicts: tuple[Verdict, ...]

    @property
    def outcome(self) -> Outcome:
        """`violated` if any is, else `unknown` if any is, else `valid`."""
        found = {verdict.outcome for verdict in self.verdicts}
        if "violated" in found:
            return "violated"
        return "valid" if found == {"valid"} else "unknown"

    def __getitem__(self, invariant: str) -> Verdict:
        return next(verdict for verdict in self.verdicts if verdict.invariant == invariant)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for a JSON file."""
        return {
            "schema_version": SCHEMA_VERSION,
            "outcome": self.outcome,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }

    def __str__(self) -> str:
        """Render one line an invariant, and the first rows of evidence below a broken one."""
        lines = [f"audit: {self.outcome}"]
        for verdict in self.verdicts:
            lines.append(
                f"  {verdict.invariant:<4}{verdict.outcome:<9}"
                f"{verdict.checked:>7} checked  {verdict.statement}"
            )
            if verdict.reason:
                lines.append(f"        {verdict.reason}")
            lines.extend(_evidence_lines(verdict.evidence))
        return "\n".join(lines)


def _evidence_lines(evidence: tuple[Evidence, ...]) -> list[str]:
    lines = []
    for item in evidence[:PRINTED_EVIDENCE]:
        lines.append(f"        - {item.message}")
        lines.extend(f"            {json.dumps(row, default=str)}" for row in item.rows)
    if len(evidence) > PRINTED_EVIDENCE:
        lines.append(f"        … and {len(evidence) - PRINTED_EVIDENCE} more")
    return lines
