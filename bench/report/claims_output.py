"""The claims as JSON, as a page of their own and as lines for the terminal.

Neighbours: `merged_runs` merges runs, `page` has the same tables inside a run's report.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from bench.claims import Claim, registry
from bench.report.build import write_text
from bench.report.claims import ClaimResult, Picture
from bench.report.comparison import comparison
from bench.report.page import asset, claim_content, environment


def write_claims_page(picture: Picture, path: Path) -> Path:
    """Write table and claims of a picture as one HTML file; return its path."""
    template = environment().get_template("claims_page.html")
    write_text(
        path, template.render(**claim_content(picture), picture=picture, css=asset("page.css"))
    )
    return path


def registry_json() -> dict[str, Any]:
    """Return the registry alone."""
    return {"claims": [_claim(claim) for claim in registry().claims]}


def picture_json(picture: Picture) -> dict[str, Any]:
    """Return the table and every claim with its verdicts and the runs they are from."""
    return {
        "runs": [{"run": r.run_id, "experiments": sorted(r.experiments)} for r in picture.runs],
        "remarks": list(picture.remarks),
        "comparison": [
            {
                "row": row.row.id,
                **{arm: [asdict(entry) for entry in cell] for arm, cell in row.cells.items()},
                "claims": {r.claim.id: r.word for r in row.claims},
                "gaps": [asdict(gap) for gap in row.gaps],
            }
            for row in comparison(picture)
        ],
        "claims": [_result(result) for result in picture.results],
    }


def _claim(claim: Claim) -> dict[str, Any]:
    known = registry()
    stated: dict[str, Any] = msgspec.to_builtins(claim)
    return {
        **stated,
        "rule_text": known.rules[claim.rule],
        "built": known.experiments[claim.experiment].built,
    }


def _result(result: ClaimResult) -> dict[str, Any]:
    return {
        **_claim(result.claim),
        "verdict": result.word or None,
        "lack": result.lack,
        "why": result.why,
        "answers": [{**asdict(a.verdict), "says": a.word, "run": a.run_id} for a in result.answers],
    }
