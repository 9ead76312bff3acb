"""Run folders whose texts try to do something, and readers that tell whether one of them did.

`sites` names every place of a journal that holds a text, values and keys alike; `planted` puts a
payload into one of them or all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
from markdown_it import MarkdownIt

ATTACK = (
    "\"'><script>evil()</script><img src=x onerror=evil()></title></style></text></svg>"
    "<svg onload=evil()><a href='javascript:evil()'>&lt;b> [a](javascript:evil()) "
    "![b](https://evil.example/b) [c]: https://evil.example/c | \\| `d` [red]e[/red][/] "
    "../../f \x1b[31m\x07\x00\x9b1m\r\n\u2028\u202e\u2066"
)
CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
Site = tuple[str, str]  # where (indices left out), and whether it is a key or a value


def walk(value: Any, change: Callable[[Site, str], str], where: str = "") -> Any:
    """Return the document with every text changed."""
    if isinstance(value, dict):
        return {
            change((where, "key"), name): walk(part, change, f"{where}.{name}")
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [walk(part, change, f"{where}[]") for part in value]
    return change((where, "value"), value) if isinstance(value, str) else value


def texts_of(document: Any) -> dict[Site, set[str]]:
    """Every site of a document with the texts that stand there."""
    found: dict[Site, set[str]] = {}

    def note(site: Site, text: str) -> str:
        found.setdefault(site, set()).add(text)
        return text

    walk(document, note)
    return found


def change_texts(path: Path, change: Callable[[Site, str], str]) -> None:
    """Change the texts of a JSON file in place."""
    path.write_text(json.dumps(walk(json.loads(path.read_text()), change)))


def rename_rows(run: Path, names: Mapping[str, str]) -> None:
    """Rename operations, journeys and errors in all rows of a run."""
    for path in (run / "rows").iterdir():
        rows = pq.read_table(path)
        for name in ("operation", "journey", "error"):
            texts = [names.get(text, text) for text in rows.column(name).to_pylist()]
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, name, pa.array(texts).dictionary_encode())
        pq.write_table(rows, path)


class _Page(HTMLParser):
    """Notes what a browser would do because of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.faults += _attribute_faults(name, value or "")


def _attribute_faults(name: str, value: str) -> Iterator[str]:
    if name.startswith("on") or (name == "style" and "evil" in value):
        yield f"{name}={value}"
    if name.rpartition("}")[2] in ("href", "src", "action", "formaction", "xlink:href"):
        if "://" in value or value.strip().lower().startswith(("javascript:", "vbscript:")):
            yield f"{name}={value}"


def page_faults(text: str, scripts: int = 1) -> list[str]:
    """Return what is live on a page that should not be: handlers, scripts, foreign elements."""
    page = _Page()
    page.feed(text)
    page.close()
    live = [tag for tag in page.tags if tag in ("img", "iframe", "object", "foreignobject", "base")]
    if page.tags.count("script") > scripts:
        live.append("script")
    return [*page.faults, *live, *CONTROL.findall(text)]


def svg_faults(text: str) -> list[str]:
    """Return what is live in a drawing; raises ParseError if it is no XML."""
    faults = list(CONTROL.findall(text))
    for element in ElementTree.fromstring(text).iter():
        if element.tag.rpartition("}")[2].lower() in ("script", "foreignobject", "a", "img"):
            faults.append(element.tag)
        for name, value in element.attrib.items():
            faults += _attribute_faults(name, value)
    return faults


def markdown_faults(text: str) -> list[str]:
    """Return what is live in Markdown once it is rendered, every kind of link allowed."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    reader.validateLink = lambda url: True  # type: ignore[method-assign]
    return [*page_faults(reader.render(text), scripts=0), *CONTROL.findall(text)]
