"""A server of the user's own, in a process of its own: `python own_server.py [EXTRA_CPU_MS]`.

Paths: /slow takes 0.3 s, /never answers never, /fail is a 500; all else answers after 1 ms of CPU
(and so many more as asked for).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    if request.path == "/never":
        await asyncio.sleep(60)
    if request.path == "/slow":
        await asyncio.sleep(0.3)
    if request.path == "/fail":
        return web.Response(status=500, text="no")
    end = time.thread_time_ns() + request.app[SPIN_NS]
    while time.thread_time_ns() < end:
        pass
    return web.json_response({"ok": True}, headers={"Server-Timing": "app;dur=1.5"})


SPIN_NS = web.AppKey("spin_ns", int)


async def serve(spin_ms: float) -> None:
    app = web.Application()
    app[SPIN_NS] = int(spin_ms * 1e6)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def started(spin_ms: float = 0.0) -> Iterator[tuple[str, int]]:
    """Give (URL, process id)."""
    command = [sys.executable, __file__, str(spin_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}", process.pid
        finally:
            process.kill()


@contextmanager
def serving(spin_ms: float = 0.0) -> Iterator[str]:
    """Give the URL."""
    with started(spin_ms) as (url, _):
        yield url


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
