"""Sets delay, loss and mode of the hops of a running proxy, and reads what it counted."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.errors import ShopbenchError
from bench.faults.hop_state import HopCounts, HopSettings

_SECONDS = 5.0


@dataclass(frozen=True)
class Message:
    """One chunk on its way: `received_s` to `due_s` it was on the emulated wire."""

    received_s: float
    due_s: float
    hop: str
    way: str


class HopControl:
    """A connection to the control socket of a proxy. A context manager."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_SECONDS)
        try:
            self._socket.connect(str(path))
        except OSError as exc:
            self._socket.close()
            raise ShopbenchError(f"the proxy does not answer at {path}: {exc.strerror}") from exc
        self._replies = self._socket.makefile("rb")

    def __enter__(self) -> HopControl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the socket; the proxy and its settings stay."""
        self._replies.close()
        self._socket.close()

    def set_all(self, settings: HopSettings) -> None:
        """Make all hops behave alike. Raises ShopbenchError."""
        self.change({"*": asdict(settings)})

    def change(self, changes: dict[str, dict[str, Any]]) -> None:
        """Change some settings of some hops, by name. Raises ShopbenchError for unknown ones."""
        self._ask({"set": changes})

    def counts(self) -> dict[str, HopCounts]:
        """What passed each hop so far."""
        hops = self._ask({})["hops"]
        return {name: HopCounts(**entry["counts"]) for name, entry in hops.items()}

    def cpu_seconds(self) -> float:
        """CPU the proxy has used so far."""
        return float(self._ask({})["cpu_s"])

    def settings(self) -> dict[str, HopSettings]:
        """How each hop behaves now."""
        hops = self._ask({})["hops"]
        return {name: HopSettings(**entry["settings"]) for name, entry in hops.items()}

    def start_trace(self) -> None:
        """Note every message from now on."""
        self._ask({"trace": True})

    def take_trace(self) -> list[Message]:
        """End the trace and return it, in the order of receipt."""
        return [Message(*entry) for entry in self._ask({"trace": False})["trace"]]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            line = self._replies.readline()
        except OSError as exc:
            raise ShopbenchError(f"the proxy does not answer: {exc}") from exc
        if not line:
            raise ShopbenchError("the proxy has ended")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise ShopbenchError(f"the proxy refused: {reply['error']}")
        return reply


def round_trips(messages: Sequence[Message]) -> float:
    """Number of sequential round trips: half the most messages that were on the wire in turn.

    The longest chain of messages of which each was received after the one before was delivered
    (interval scheduling by earliest end). Parallel calls count once. Needs a delay well above
    the time the processes compute between two messages.
    """
    chain, free_at = 0, float("-inf")
    for message in sorted(messages, key=lambda m: m.due_s):
        if message.received_s >= free_at:
            chain += 1
            free_at = message.due_s
    return chain / 2
