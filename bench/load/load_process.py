"""One load process as the parent sees it: start it, write a line to it, read its JSON, end it."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from bench.child_python import child_python
from bench.errors import ShopbenchError


class LoadError(ShopbenchError):
    """A load process died, hung or refused its plan."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 3)


class Link:
    """A running load process. Every method may raise LoadError."""

    def __init__(self, folder: Path, number: int, cpus: Sequence[int] | None) -> None:
        """Start it, on `cpus` where the system can pin; `folder` keeps what it says."""
        self.number = number
        self._stderr = (folder / f"stderr-{number}").open("w+b")
        self._process = subprocess.Popen(
            child_python("-m", "bench.load.worker", str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,  # a line that waits in a buffer of ours would not wake `select`
            # a file that goes through a set must do so alike on every side of a comparison
            env={**os.environ, "PYTHONHASHSEED": "0"},
            start_new_session=True,  # Ctrl-C reaches the parent, which ends the trial in order
        )
        if cpus and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, cpus)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Descriptor of its answers, for `select`."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def write(self, line: str) -> None:
        """Hand it a line."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except OSError as exc:
            raise LoadError(f"the load process failed: {exc} {self._last_words()}") from exc

    def read(self) -> dict[str, Any]:
        """Its next line. Call it when there is one, or it waits."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LoadError(f"the load process died: {self._last_words()}")
        try:
            reply: dict[str, Any] = json.loads(line)
        except ValueError as exc:
            raise LoadError(f"the load process failed: {exc} {self._last_words()}") from exc
        if "error" in reply:
            raise LoadError(f"the load process failed: {reply['error']}")
        return reply

    def kill(self) -> None:
        """Kill it; whoever waits for its answer is told. `end` it afterwards."""
        self._process.kill()

    def end(self, patience_s: float = 3.0) -> None:
        """End it: a closed stdin does, and after `patience_s` a kill."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # what a dead process did not read
                    stream.close()
        try:
            self._process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(it said nothing)"


def read_all(
    links: Sequence[Link], limit_s: float, progress: Callable[[str], None] = lambda text: None
) -> list[dict[str, Any]]:
    """One answer of each, in the order of `links`. Raises LoadError at the first that fails.

    What they say before is handed to `progress`.
    """
    deadline = monotonic() + limit_s
    replies: dict[int, dict[str, Any]] = {}
    waiting = list(links)
    while waiting:
        ready = select.select(waiting, [], [], max(0.0, deadline - monotonic()))[0]
        if not ready:
            raise LoadError(f"the load process gave no answer within {limit_s:.0f} s")
        for link in ready:
            reply = link.read()
            if "progress" in reply:
                progress(reply["progress"])
            else:
                replies[link.number] = reply
                waiting.remove(link)
    return [replies[link.number] for link in links]
