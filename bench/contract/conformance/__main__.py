"""`python -m bench.contract.conformance URL [--signing-key PEM] [--area A] [--component C]`.

The suite against one base URL, for work on a single arm; `shopbench verify` starts deployments too.
"""

import argparse
from collections import Counter
from pathlib import Path

from bench.contract.conformance import CaseResult, run_conformance


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.contract.conformance")
    parser.add_argument("base_url", help="for example http://127.0.0.1:8000")
    parser.add_argument("--signing-key", type=Path, help="PEM that signs user tokens")
    parser.add_argument("--area", action="append", help="only this area (repeatable)")
    parser.add_argument("--component", action="append", help="what is served there (repeatable)")
    options = parser.parse_args()
    results = run_conformance(
        options.base_url,
        areas=options.area,
        components=options.component,
        signing_key=options.signing_key,
        progress=_show,
    )
    counts = Counter(result.outcome for result in results)
    seconds = sum(result.seconds for result in results)
    print(", ".join(f"{n} {outcome}" for outcome, n in counts.items()), f"in {seconds:.1f} s")
    return 1 if counts["failed"] else 0


def _show(result: CaseResult) -> None:
    if result.outcome != "passed":
        print(f"{result.outcome}: {result.area}: {result.name}\n    {result.detail[:1500]}")


if __name__ == "__main__":
    raise SystemExit(main())
