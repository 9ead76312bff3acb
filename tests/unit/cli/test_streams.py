"""The real command where its output is no UTF-8, closed, full, or not read to the end."""

from __future__ import annotations

import codecs
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.streams import plain

ROOT = Path(__file__).parents[3]
SHOPBENCH = f"{sys.executable} -m bench.cli"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0"}
FULL = "error: cannot write to standard output: No space left on device\n"
CLOSED = "error: cannot write to standard output: it is closed\n"


def shell(command: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command line of the shell, in which `shopbench` is this tree's."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.replace("shopbench", SHOPBENCH)],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize(
    ("env", "encoding"), [({"PYTHONIOENCODING": "latin-1"}, "latin-1"), (ASCII, "ascii")]
)
def test_an_encoding_that_knows_less_gets_plain_text(env: dict[str, str], encoding: str) -> None:
    shown = shell("shopbench selftest --help", **env)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert "results/runs/20261122-..." in shown.stdout.decode(encoding)
    refused = shell("shopbench claims --run './no…run'", **env)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr.startswith(b"error: there is no run folder ")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_our_sentences_hold_never_becomes_a_question_mark(encoding: str) -> None:
    codecs.register_error("plain", plain)
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "bench" / "cli").rglob("*.py")]
    sources += [file.read_text(encoding="utf-8") for file in (ROOT / "bench").rglob("*.toml")]
    said = {*"×±≤≥≠→−–…·━╌éÄ"} | {char for text in sources for char in text}
    shown = {char: char.encode(encoding, "plain").decode(encoding) for char in said - {"?"}}
    assert [char for char, text in shown.items() if "?" in text] == []
    assert "\U0001f642\udcff".encode(encoding, "plain") == b"??"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_takes_nothing_is_one_line(unbuffered: str) -> None:
    for command, line in (
        ("shopbench --help >/dev/full", FULL),
        ("shopbench claims >/dev/full", FULL),
        ("shopbench claims --json >/dev/full", FULL),
        ("shopbench claims >&-", CLOSED),
    ):
        done = shell(command, PYTHONUNBUFFERED=unbuffered)
        assert (done.returncode, done.stderr.decode()) == (3, line), command


def test_where_nothing_can_be_said_the_code_says_it() -> None:
    assert shell("shopbench claims 2>&- >&-").returncode == 3
    assert shell("shopbench claims >/dev/full 2>&1").returncode == 3
    assert shell("shopbench claims --run none 2>/dev/full").returncode == 2


def test_closed_standard_error_and_input_change_nothing() -> None:
    done = shell("shopbench claims <&- 2>&-")
    assert done.returncode == 0
    assert re.search(rb"^\d+ claims: ", done.stdout, re.MULTILINE)


def test_a_reader_that_goes_away_changes_neither_what_is_done_nor_its_code() -> None:
    gone = shell("shopbench claims | head -1")
    assert (gone.returncode, gone.stderr, gone.stdout.count(b"\n")) == (0, b"", 1)
    unread = shell("shopbench verify --url http://127.0.0.1:9 | true")
    assert (unread.returncode, unread.stderr) == (1, b"")


def test_who_follows_a_log_ends_when_nobody_reads() -> None:
    code = (
        "from bench.cli.console import line_printer\n"
        "from bench.cli.streams import prepare_streams\n"
        "prepare_streams(); show = line_printer(False, set())\n"
        "while True: show('orders', 'a line')"
    )
    done = shell(f'{sys.executable} -c "{code}" | head -1')
    assert done.stdout == b"a line\n"
    assert b"ReaderGone" in done.stderr


def test_no_file_takes_the_place_of_a_closed_stream() -> None:
    code = (
        "import os; from bench.cli.streams import prepare_streams\n"
        "try: prepare_streams()\n"
        "except Exception: pass\n"
        "os._exit(open('/dev/null').fileno())"
    )
    assert shell(f'{sys.executable} -c "{code}" <&- >&- 2>&-').returncode > 2
