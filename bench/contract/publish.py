"""Writes the JSON copies that the deployments ship: `python -m bench.contract.publish`."""

import json
from pathlib import Path

from bench.contract.openapi import load_openapi

ROOT = Path(__file__).parents[2]
COPIES = (ROOT / "monolith/openapi.json", ROOT / "microservices/gateway/openapi.json")


def rendered_contract() -> str:
    """The contract as compact JSON with a newline at its end."""
    return json.dumps(load_openapi(), ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> None:
    text = rendered_contract()
    for copy in COPIES:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
        print(copy.relative_to(ROOT))


if __name__ == "__main__":
    main()
