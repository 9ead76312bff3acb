"""What a checker hands back: how much it looked at, and every row that breaks the rule."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Evidence:
    """One broken rule, in words, with the rows that show it."""

    message: str
    rows: tuple[Mapping[str, Any], ...] = ()


@dataclass
class Findings:
    """Collects evidence; `checked` counts the things looked at, so that 0 shows as 0."""

    checked: int = 0
    evidence: list[Evidence] = field(default_factory=list)

    def broken(self, message: str, *rows: object) -> None:
        self.evidence.append(Evidence(message, tuple(_as_mapping(row) for row in rows)))


def _as_mapping(row: object) -> Mapping[str, Any]:
    if is_dataclass(row) and not isinstance(row, type):
        return asdict(row)
    return row if isinstance(row, Mapping) else {"value": row}


class _OfOrder(Protocol):
    @property
    def order_id(self) -> str | None: ...


Row = TypeVar("Row", bound=_OfOrder)


def by_order(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Group rows by their order; rows that belong to none are left out."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.order_id is not None:
            groups.setdefault(row.order_id, []).append(row)
    return groups


def quantities(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Product id -> quantity, of lines as the contract writes them."""
    return {str(line["product_id"]): int(line["quantity"]) for line in lines}


def items_of(arguments: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of an `orders.place` operation."""
    yield from arguments.get("items", ())
