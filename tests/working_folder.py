"""A folder as somebody's own project may look: its modules are named like what we import."""

from __future__ import annotations

from pathlib import Path

NAMES = (
    *("bench", "monolith", "microservices", "logging", "json", "threading", "wsgiref"),
    *("locust", "gevent", "psycopg", "django", "gunicorn", "aiohttp"),
)


class ForeignFolder:
    """Whoever imports one of its modules is written down, and fails."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self._executed = root / "executed"
        self.root.mkdir()
        code = f"open({str(self._executed)!r}, 'a').write(__name__ + '\\n')\nraise SystemExit(9)\n"
        for name in NAMES:
            (self.root / f"{name}.py").write_text(code)
        (self.root / "bench").mkdir()
        (self.root / "bench" / "load.py").write_text(code)

    def executed(self) -> list[str]:
        """The modules of the folder that somebody imported."""
        return self._executed.read_text().split() if self._executed.exists() else []
