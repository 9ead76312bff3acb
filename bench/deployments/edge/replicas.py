"""The replicas behind an edge: who is in, who is ejected, who gets the next request.

Least outstanding requests, ties in turn. A replica that refuses a connection, resets one before
any byte of an answer, or does not answer in time is ejected for a short time that doubles with
each failure in a row; after it, `/ready` must answer 200 before it is in again. With nobody in,
the ejected ones are tried all the same: a refused connection is cheaper than a sure 503.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FIRST_EJECTION_S = 0.25
LONGEST_EJECTION_S = 8.0
CALM_S = 10.0  # so long without a failure, and the next ejection is a first one again

State = Literal["in", "ejected", "leaving"]


@dataclass(frozen=True, order=True)
class Address:
    """Where a replica listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `host:port`. Raises ValueError with one clear line."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no host:port")
    return Address(host.strip("[]"), int(port))


@dataclass
class Counts:
    """What a replica was asked and how it ended; they only grow."""

    requests: int = 0
    answers: int = 0
    connections: int = 0
    failed_connects: int = 0
    resets: int = 0
    timeouts: int = 0
    ejections: int = 0


@dataclass(eq=False)
class Replica:
    """One replica. `idle`: connections kept for it, the one used last at the end."""

    address: Address
    state: State = "in"
    outstanding: int = 0
    counts: Counts = field(default_factory=Counts)
    idle: list[Any] = field(default_factory=list)
    back_at: float = 0.0
    streak: int = 0
    failed_at: float = 0.0

    def report(self) -> dict[str, Any]:
        """For the admin endpoint."""
        return {
            "address": str(self.address),
            "state": self.state,
            "outstanding": self.outstanding,
            "idle_connections": len(self.idle),
            **asdict(self.counts),
        }

    def drop_idle(self) -> None:
        """Close the connections nobody uses."""
        kept, self.idle = self.idle, []
        for connection in kept:
            connection.close()


class Replicas:
    """The list, and the choice among it. `limit`: requests at once to one replica."""

    def __init__(self, clock: Callable[[], float], limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._turn = itertools.count()
        self._list: list[Replica] = []
        self._leaving: list[Replica] = []

    @property
    def listed(self) -> tuple[Replica, ...]:
        return tuple(self._list)

    @property
    def everyone(self) -> tuple[Replica, ...]:
        """Those that leave included, while they have work."""
        return (*self._list, *self._leaving)

    def set_addresses(self, addresses: Iterable[Address], *, proven: bool = True) -> None:
        """Replace the list; who stays keeps its counts, who leaves ends its work.

        `proven`: newcomers are known to serve; otherwise `/ready` is asked first.
        """
        known = {replica.address: replica for replica in self._list}
        self._list = [
            known.pop(each) if each in known else Replica(each, "in" if proven else "ejected")
            for each in dict.fromkeys(addresses)
        ]
        for replica in known.values():
            replica.state = "leaving"
            replica.drop_idle()
            if replica.outstanding:
                self._leaving.append(replica)

    def choose(self, tried: Collection[Replica] = ()) -> Replica | None:
        """The least busy one that may take one more; None if there is none now."""
        found = self._least_busy("in", tried)
        if found is None and not any(each.state == "in" for each in self._list):
            found = self._least_busy("ejected", tried)
        return found

    def _least_busy(self, state: State, tried: Collection[Replica]) -> Replica | None:
        number = len(self._list)
        if not number:
            return None
        first = next(self._turn) % number
        best: Replica | None = None
        fewest = self._limit
        for replica in (*self._list[first:], *self._list[:first]):
            if replica.outstanding < fewest and replica.state == state and replica not in tried:
                best, fewest = replica, replica.outstanding
        return best

    def hopeless(self, tried: Collection[Replica]) -> bool:
        """Whether waiting is no use: every replica has been tried, or there is none."""
        return all(replica in tried for replica in self._list)

    def ended(self, replica: Replica) -> None:
        """One request less."""
        replica.outstanding -= 1
        if replica.state == "leaving" and not replica.outstanding and replica in self._leaving:
            self._leaving.remove(replica)

    def failed(self, replica: Replica) -> None:
        """Eject it, longer with each failure in a row; one already ejected stays as it is."""
        if replica.state != "in":
            return
        self._eject(replica)
        replica.counts.ejections += 1

    def _eject(self, replica: Replica) -> None:
        now = self._clock()
        calm = now - replica.failed_at > CALM_S + LONGEST_EJECTION_S
        replica.streak = 1 if calm else replica.streak + 1
        replica.failed_at = now
        seconds = min(FIRST_EJECTION_S * 2 ** (replica.streak - 1), LONGEST_EJECTION_S)
        replica.back_at = now + seconds
        replica.state = "ejected"
        replica.drop_idle()

    def due_for_probe(self) -> list[Replica]:
        """The ejected ones whose time is over."""
        now = self._clock()
        return [each for each in self._list if each.state == "ejected" and each.back_at <= now]

    def probed(self, replica: Replica, *, ready: bool) -> None:
        """What `/ready` said: in again, or ejected for longer."""
        if replica.state != "ejected":
            return
        if ready:
            replica.state = "in"
        else:
            self._eject(replica)

    def report(self) -> list[dict[str, Any]]:
        return [replica.report() for replica in self.everyone]
