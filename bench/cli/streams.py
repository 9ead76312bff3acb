"""Standard output and error of the command line, whatever stands behind them.

What a terminal cannot show is replaced by something plain. A reader that goes away (`| head -1`)
changes nothing, nor does standard error that takes nothing: what is printed there is lost. Standard
output that is closed or full is an error. Neighbour: `console` prints.
"""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from io import TextIOWrapper
from typing import Any

from bench.errors import ShopbenchError

PLAIN = "shopbench-plain"  # the name of the error handler for what an encoding does not know
_PLAIN_TEXT = str.maketrans(
    {
        **{"–": "-", "—": "-", "−": "-", "×": "x", "·": ".", "…": "...", "±": "+-", "→": "->"},
        **{"≠": "!=", "≥": ">=", "≤": "<=", "“": '"', "”": '"', "‘": "'", "’": "'"},
        **{"━": "=", "╌": "-"},  # of the progress bar
    }
)


class ReaderGone(Exception):
    """Nobody reads what would be printed next."""


class NoOutput(ShopbenchError):
    """Standard output takes nothing."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot write to standard output: {reason}", 3)


class Stream(TextIOWrapper):
    """A standard stream. `gone`: it took something no more; from then on all goes nowhere.

    `why`: the error that whoever writes gets, also later; None where nobody has to know.
    """

    gone = False
    why: NoOutput | None = None
    needed = True

    def write(self, text: str) -> int:
        if self.why is not None:
            raise self.why
        try:
            return super().write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lose(error)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Its encoding; for ASCII its nearest kin, or click would write UTF-8 past the stream."""
        known: str = super().encoding
        return "iso8859-1" if codecs.lookup(known).name == "ascii" else known

    def _lose(self, error: OSError) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())  # also what is buffered, which is tried again at the end
        os.close(nowhere)
        self.gone = True
        if self.needed and not isinstance(error, BrokenPipeError):
            self.why = NoOutput(error.strerror or str(error))
            raise self.why from error


class ErrorStream(Stream):
    """Standard error: there is nobody to tell that it takes nothing."""

    needed = False


def prepare_streams() -> None:
    """Take over the standard streams. Raises NoOutput if standard output is closed."""
    codecs.register_error(PLAIN, plain)
    closed = sys.stdout is None
    _fill_holes()
    sys.stderr = _taken_over(sys.stderr, ErrorStream)
    sys.stdout = _taken_over(sys.stdout, Stream)
    if closed:
        raise NoOutput("it is closed")


def reader_gone() -> bool:
    """Whether what is printed is lost."""
    return getattr(sys.stdout, "gone", False)


def plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that an encoding does not know, and where to go on."""
    assert isinstance(error, UnicodeEncodeError)
    unknown = error.object[error.start : error.end]
    return "".join(_near(each, error.encoding) for each in unknown), error.end


def _near(character: str, encoding: str) -> str:
    """The same in plain characters, a letter without its accents, or a question mark."""
    near = unicodedata.normalize("NFKD", character.translate(_PLAIN_TEXT))
    return near.encode(encoding, "ignore").decode(encoding) or "?"


def _fill_holes() -> None:
    """Where a standard stream is closed, the next file that is opened would take its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one


def _taken_over(old: Any, kind: type[Stream]) -> Stream:
    """The stream with its encoding and buffering; one that is closed goes nowhere."""
    if old is None:
        return kind(open(os.devnull, "wb"), "utf-8", PLAIN)  # noqa: SIM115 - until the end
    buffering = {"line_buffering": old.line_buffering, "write_through": old.write_through}
    encoding = old.encoding
    return kind(old.detach(), encoding, PLAIN, **buffering)
