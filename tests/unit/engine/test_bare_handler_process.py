"""Bare handlers: started on our terms, gone with us."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
import urllib.request

import psutil
import pytest

from bench.engine.bare_handler_process import ServedSubject
from bench.errors import ShopbenchError

SERVER = """
import http.server, os
host, _, port = os.environ["SHOP_BIND"].partition(":")
print("up", flush=True)
http.server.HTTPServer((host, int(port)), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def served(code: str = SERVER) -> ServedSubject:
    return ServedSubject("bare", [sys.executable, "-c", code], {"X": "1"}, ())


def test_it_serves_inside_the_block_and_is_gone_after_it() -> None:
    with served() as subject:
        with urllib.request.urlopen(subject.target.base_url, timeout=5) as answer:
            assert answer.status == 200
        assert subject.usage()["bare"].cpu_seconds > 0
        assert subject.usage()["bare"].pss_bytes > 0
        assert subject.target.prefix == "/floor"
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(subject.target.base_url, timeout=5)


def test_a_paused_handler_does_not_answer_until_it_is_resumed() -> None:
    with served() as subject:
        subject.pause()
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(subject.target.base_url, timeout=0.3)
        subject.resume()
        with urllib.request.urlopen(subject.target.base_url, timeout=5) as answer:
            assert answer.status == 200


def test_one_that_does_not_start_is_one_clear_line() -> None:
    with (
        pytest.raises(ShopbenchError, match="bare did not start: ValueError: no database"),
        served("raise ValueError('no database')"),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG")
def test_it_dies_with_a_parent_that_was_killed() -> None:
    code = textwrap.dedent(f"""
        import sys, time
        from bench.engine.bare_handler_process import ServedSubject
        with ServedSubject("bare", [sys.executable, "-c", {SERVER!r}], {{}}, ()) as subject:
            print(subject._process.pid, flush=True)
            time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
