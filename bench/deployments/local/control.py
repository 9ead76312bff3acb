"""The supervisor's control socket: one JSON line asked, one JSON line answered.

`{"op": "kill", "component": "users"}` -> `{"ok": true, "value": …}` or `{"ok": false, "error": …}`.
The socket lies in the deployment's folder, so only its owner reaches it.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from bench.errors import ShopbenchError

SOCKET_FILE = "control.sock"
DEFAULT_SECONDS = 30.0
_LONGEST_LINE = 1 << 20

Operation = Callable[[dict[str, Any]], Any]


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline(_LONGEST_LINE)
        answer = cast("ControlServer", self.server).answer(line)
        try:
            self.wfile.write(json.dumps(answer, default=os.fspath).encode() + b"\n")
        except BrokenPipeError:  # the asker did not wait
            return


class ControlServer(socketserver.ThreadingUnixStreamServer):
    """Answers each request in a thread of its own, so that a kill never waits for a reset."""

    daemon_threads = True

    def __init__(self, folder: Path, operations: dict[str, Operation]) -> None:
        self._operations = operations
        path = folder / SOCKET_FILE
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        path.chmod(0o600)

    def serve_in_background(self) -> None:
        threading.Thread(target=self.serve_forever, name="control", daemon=True).start()

    def answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            value = self._operations[request["op"]](request)
        except ShopbenchError as error:
            return {"ok": False, "error": error.message, "exit_code": error.exit_code}
        except OSError as error:
            return {"ok": False, "error": f"the machine refused: {error}", "exit_code": 3}
        except (KeyError, ValueError, TypeError) as error:
            return {"ok": False, "error": f"bad request: {error!r}", "exit_code": 3}
        return {"ok": True, "value": value}


def ask(folder: Path, op: str, *, seconds: float = DEFAULT_SECONDS, **arguments: Any) -> Any:
    """Ask a supervisor for one operation. Raises ShopbenchError if it refuses or is gone."""
    request = json.dumps({"op": op, **arguments}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(str(folder / SOCKET_FILE))
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except TimeoutError as error:
        raise ShopbenchError(
            f"the supervisor did not answer {op!r} within {seconds:g} s"
        ) from error
    except OSError as error:
        raise ShopbenchError(f"the deployment's supervisor is gone ({error.strerror})") from error
    if not line:
        raise ShopbenchError(f"the deployment's supervisor ended during {op!r}")
    answer = json.loads(line)
    if not answer["ok"]:
        raise ShopbenchError(answer["error"], answer["exit_code"])
    return answer["value"]
