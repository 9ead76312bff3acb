"""The same load from a tool that shares no line of code with ours: h2load of the nghttp2 project.

It sends HTTP/1.1 at a constant rate on each of its connections (`--rps`) and logs every request;
Debian has it as nghttp2-client. Rate and arrivals are read back from its log, not believed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import ShopbenchError

CLIENTS = 10


@dataclass(frozen=True)
class ToolRun:
    """What the tool did: its version line, the rate it kept, every response time."""

    tool: str
    rate_rps: float
    response_ms: tuple[float, ...]


def find_tool() -> str | None:
    """The path of the tool, None if there is none."""
    return shutil.which("h2load")


def run_tool(url: str, rate: float, seconds: float, cpu: int | None) -> ToolRun:
    """Send `rate` requests a second for `seconds`. Raises ShopbenchError if one was not answered.

    The connections start one after the other, out of step, so that the arrivals are spread evenly
    and not bursts of all connections at once.
    """
    tool = find_tool()
    if tool is None:
        raise ShopbenchError("no independent load tool here; Debian: apt install nghttp2-client", 2)
    gap_ms = 1000 * CLIENTS / rate  # between the requests of a connection
    with tempfile.TemporaryDirectory(prefix="shopbench-h2load-") as folder:
        log = Path(folder) / "log"
        command = [
            *(["taskset", "-c", str(cpu)] if cpu is not None and shutil.which("taskset") else []),
            *(tool, "--h1", "-t1", f"-c{CLIENTS}", "-r1", f"--rps={rate / CLIENTS:g}"),
            *(f"--rate-period={gap_ms * (2 + 1 / CLIENTS):.0f}ms", f"-n{round(rate * seconds)}"),
            *(f"--log-file={log}", url),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds * 3 + 30, check=False
        )
        if done.returncode != 0 or not log.exists():
            raise ShopbenchError(f"{tool} failed: {(done.stderr or done.stdout).strip()}", 3)
        lines = log.read_text().splitlines()
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    return read_log(lines, version.stdout.strip())


def read_log(lines: Sequence[str], tool: str) -> ToolRun:
    """Read the log: start in us since the epoch, status, us until the end of the answer.

    The rate is that of the middle half of the requests, when all connections are at work.
    """
    entries = sorted(tuple(map(int, line.split("\t")[:3])) for line in lines)
    failed = [status for _, status, _ in entries if status != 200]
    if failed or len(entries) < 4:
        raise ShopbenchError(f"the independent tool: {len(failed)} of {len(entries)} failed", 3)
    starts = [start for start, _, _ in entries]
    first, last = len(starts) // 4, 3 * len(starts) // 4
    rate = (last - first) / ((starts[last] - starts[first]) / 1e6)
    return ToolRun(tool, rate, tuple(took / 1000 for _, _, took in entries))
