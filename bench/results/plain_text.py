"""Text of a run that somebody else may have written: what a terminal obeys is spelled out.

Control characters (ESC, NUL, newlines) and those that turn the direction of writing become their
escapes, `\\u001b`, in everything read from a run folder. So neither console, page, drawing nor
Markdown meets one; what HTML or Markdown obeys is escaped where those are written.
"""

import re

_C0 = "\x00-\x1f"  # in a JSON document only white space between its parts
# DEL and C1, line separators, marks of direction, what XML does not allow.
_OTHERS = "\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff"
_OBEYED = re.compile(f"[{_C0}{_OTHERS}]")
_IN_JSON = re.compile(rf"\\u([0-9a-fA-F]{{4}})|\\(.)|[{_OTHERS}]")  # an escape is one thing
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def plain(text: str) -> str:
    """Return the text with its control characters spelled out."""
    return _OBEYED.sub(lambda found: _spelled(found[0]), text)


def plain_json(raw: bytes) -> bytes:
    """Return a JSON document in which every text is plain. Raises UnicodeDecodeError."""
    return _IN_JSON.sub(_in_json, raw.decode("utf-8")).encode("utf-8")


def _spelled(char: str) -> str:
    return f"\\u{ord(char):04x}"


def _in_json(found: re.Match[str]) -> str:
    """A character or an escape of it, so written that JSON reads its escape as text."""
    char = chr(int(found[1], 16)) if found[1] else _SHORT.get(found[2], found[2]) or found[0]
    return f"\\{_spelled(char)}" if _OBEYED.match(char) else found[0]
