"""Writes what the deployments ship of the contract: `python -m bench.contract.publish`.

The contract as JSON, and the page that `GET /` answers, which is outside of the contract.
"""

import json
from pathlib import Path

from bench.contract.openapi import load_openapi

ROOT = Path(__file__).parents[2]
INDEX = Path(__file__).with_name("index.html")
FOLDERS = (ROOT / "monolith", ROOT / "microservices/gateway")


def rendered_contract() -> str:
    """The contract as compact JSON with a newline at its end."""
    return json.dumps(load_openapi(), ensure_ascii=False, separators=(",", ":")) + "\n"


def copies() -> dict[Path, str]:
    """Every file that is shipped, with its text."""
    texts = {"openapi.json": rendered_contract(), INDEX.name: INDEX.read_text(encoding="utf-8")}
    return {folder / name: text for folder in FOLDERS for name, text in texts.items()}


def main() -> None:
    for path, text in copies().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
