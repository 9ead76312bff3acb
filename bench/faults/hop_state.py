"""What the proxy does to the connections of one hop, and what it counted there.

Neighbours: `proxy` moves the bytes, `proxy_control` sets this from outside while it runs.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

Mode = Literal["pass", "hold", "reset"]
MAX_DELAY_MS = 10_000.0
_MOST_RETRANSMISSIONS = 6


@dataclass(frozen=True)
class HopSettings:
    """How a hop behaves.

    `delay_ms`: what one request/response exchange takes longer; each direction holds every chunk
    for half of it. `loss`: probability that a chunk (what one read delivered, at most 256 KiB) is
    held for `rto_ms` more, as if it had been lost and sent again; the wait doubles each time. That
    is an emulation: no packet is dropped. `mode`: `hold` lets nothing through until it ends (a
    partition), `reset` ends every connection with a TCP reset, and new ones at once. `jitter_ms`:
    an exchange takes up to so much longer, evenly drawn; `bandwidth`: bytes/s of each direction of
    each connection, 0 for no limit. Jitter and bandwidth are named as Toxiproxy names them.
    """

    delay_ms: float = 0.0
    loss: float = 0.0
    rto_ms: float = 200.0
    mode: Mode = "pass"
    jitter_ms: float = 0.0
    bandwidth: float = 0.0

    def __post_init__(self) -> None:
        delays = (self.delay_ms, self.rto_ms, self.jitter_ms)
        if not all(0 <= delay <= MAX_DELAY_MS for delay in delays):
            raise ValueError(f"delays lie between 0 and {MAX_DELAY_MS:g} ms")
        if not 0 <= self.loss <= 1:
            raise ValueError("loss is a probability")
        if not 0 <= self.bandwidth < float("inf"):
            raise ValueError("bandwidth is in bytes/s, 0 for no limit")
        if self.mode not in get_args(Mode):
            raise ValueError(f"unknown mode {self.mode!r}; there are {get_args(Mode)}")

    @property
    def one_way_s(self) -> float:
        """What each direction adds, in seconds."""
        return self.delay_ms / 2000.0

    def changed(self, change: dict[str, Any]) -> HopSettings:
        """The settings with some of them changed. Raises ValueError for an unknown one."""
        known = {entry.name for entry in fields(self)}
        if unknown := sorted(set(change) - known):
            raise ValueError(f"unknown setting {unknown[0]!r}; there are {sorted(known)}")
        return HopSettings(**{**asdict(self), **change})

    def transmission_s(self, size: int) -> float:
        """How long `size` bytes take to go onto the wire, in seconds."""
        return size / self.bandwidth if self.bandwidth else 0.0

    def jitter_s(self, rng: random.Random) -> float:
        """Draw what one direction adds beyond `one_way_s`, in seconds."""
        return rng.random() * self.jitter_ms / 2000.0 if self.jitter_ms else 0.0

    def retransmission_s(self, rng: random.Random) -> float:
        """Draw how long one chunk waits to be sent again, in seconds; 0 = it was not lost."""
        held, wait = 0.0, self.rto_ms / 1000.0
        for _ in range(_MOST_RETRANSMISSIONS):
            if not self.loss or rng.random() >= self.loss:
                break
            held += wait
            wait *= 2
        return held


@dataclass
class HopCounts:
    """What passed a hop since the proxy started.

    `exchanges`: changes from answering to asking on a connection, so a request in two chunks
    counts once. `lost`: chunks that were held for a retransmission.
    """

    connections: int = 0
    chunks_up: int = 0
    chunks_down: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    exchanges: int = 0
    lost: int = 0


@dataclass
class Hop:
    """One listener: connections to `port` go on to `host`:`target_port`."""

    name: str
    port: int
    host: str
    target_port: int
    settings: HopSettings = field(default_factory=HopSettings)
    counts: HopCounts = field(default_factory=HopCounts)

    @classmethod
    def parse(cls, text: str) -> Hop:
        """Read `NAME=PORT:HOST:TARGET_PORT`. Raises ValueError."""
        name, equals, route = text.partition("=")
        port, _, target = route.partition(":")
        host, colon, target_port = target.rpartition(":")
        if not (name and equals and colon and host):
            raise ValueError(f"a hop is NAME=PORT:HOST:TARGET_PORT, not {text!r}")
        return cls(name, int(port), host, int(target_port))
