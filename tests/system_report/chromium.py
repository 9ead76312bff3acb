"""A headless Chromium driven over its DevTools protocol: open a page, resize, ask, click."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
START_LIMIT_S = 40.0
ANSWER_LIMIT_S = 40.0


def chromium_path() -> str | None:
    """The browser on PATH, under the names distributions give it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


class Tab:
    """One page; `events` collects what the browser told about it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self.events: list[dict[str, Any]] = []

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a DevTools method and return its result."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == self._last:
                    assert "error" not in message, message
                    return dict(message["result"])
                self.events.append(message)

    async def ask(self, expression: str) -> Any:
        """Evaluate JavaScript in the page and return its value."""
        found = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def press(self, key: str) -> None:
        """Press a key on what has the focus."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        code = {"Enter": 13, " ": 32, "ArrowRight": 39, "ArrowLeft": 37, "Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )  # fmt: skip

    async def scheme(self, name: str) -> None:
        """Show pages light or dark."""
        feature = {"name": "prefers-color-scheme", "value": name}
        await self.send("Emulation.setEmulatedMedia", features=[feature])

    async def open(self, url: str, width: int, height: int = 900) -> None:
        """Load a page at a width; returns when it is complete."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        self.events.clear()
        await self.send("Page.navigate", url=url)
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while not any(e["method"] == "Page.loadEventFired" for e in self.events):
                self.events.append(await self._socket.receive_json())

    def complaints(self) -> list[str]:
        """Errors on the console, uncaught exceptions, and requests to anywhere but files."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"]))
            if event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(params["entry"]["text"])
            if event["method"] == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith(("file:", "data:")):
                    found.append(f"fetched {url}")
        return found


@asynccontextmanager
async def browser_tab(executable: str) -> AsyncIterator[Tab]:
    """Start a browser with a profile of its own, give a tab, and end it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            executable, *FLAGS, f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = await _port(Path(profile), process)
            async with aiohttp.ClientSession() as session:
                url = await _page_socket(session, port)
                async with session.ws_connect(url, max_msg_size=0) as socket:
                    yield Tab(socket)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _port(profile: Path, process: asyncio.subprocess.Process) -> int:
    """The port the browser chose, which it writes into its profile."""
    async with asyncio.timeout(START_LIMIT_S):
        while True:
            assert process.returncode is None, "the browser ended at once"
            try:
                return int((profile / "DevToolsActivePort").read_text().splitlines()[0])
            except (OSError, IndexError, ValueError):
                await asyncio.sleep(0.05)


async def _page_socket(session: aiohttp.ClientSession, port: int) -> str:
    async with asyncio.timeout(START_LIMIT_S):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [t for t in await answer.json() if t["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
