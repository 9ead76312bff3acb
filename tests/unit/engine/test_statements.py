"""Statements and commits, counted from lines as PostgreSQL writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.engine.database_servers import Server
from bench.engine.statements import StatementLog, count_log

STAMP = "2026-01-01 00:00:00.000 UTC"


def lines(*entries: tuple[int, str]) -> list[str]:
    return [f"{STAMP} [{pid}] shop_orders@shop_orders LOG:  {text}\n" for pid, text in entries]


@pytest.mark.parametrize(
    ("entries", "statements", "commits"),
    [
        ([(1, "execute <unnamed>: SELECT 1")], 1, 1),
        ([(1, "execute _pg3_4: SELECT $1")], 1, 1),
        ([(1, "statement: BEGIN"), (1, "execute a: INSERT"), (1, "statement: COMMIT")], 1, 1),
        ([(1, "statement: BEGIN"), (1, "execute a: INSERT"), (1, "statement: ROLLBACK")], 1, 0),
        # two sessions at once
        (
            [
                (1, "statement: BEGIN"),
                (2, "execute b: SELECT"),
                (1, "execute a: UPDATE"),
                (1, "statement: COMMIT"),
            ],
            2,
            2,
        ),
        # savepoints are statements of the transaction, and rolling back to one does not end it
        (
            [
                (1, 'statement: BEGIN ISOLATION LEVEL "x"'),
                (1, "statement: SAVEPOINT s"),
                (1, "execute a: UPDATE"),
                (1, "statement: ROLLBACK TO SAVEPOINT s"),
                (1, "execute a: INSERT"),
                (1, "statement: COMMIT;"),
            ],
            4,
            1,
        ),
    ],
)
def test_counting(entries: list[tuple[int, str]], statements: int, commits: int) -> None:
    count = count_log(lines(*entries))
    assert (count.statements, count.commits) == (statements, commits)


def test_what_the_bench_itself_does_is_not_counted() -> None:
    log = [
        *lines((1, "statement: SELECT count(*) FROM audit_outbox")),
        f"{STAMP} [7] postgres@postgres LOG:  statement: SELECT pg_reload_conf()\n",
        f"{STAMP} [1] LOG:  received SIGHUP, reloading configuration files\n",
        "\tcontinued line of a long statement\n",
        *lines((1, "execute <unnamed>: SELECT 1")),
    ]
    count = count_log(log)
    assert (count.statements, count.commits) == (1, 1)


def test_a_log_is_counted_from_where_it_was_read_last(tmp_path: Path) -> None:
    paths = [tmp_path / "one.log", tmp_path / "other.log"]
    for path in paths:
        path.write_text("".join(lines((1, "execute a: SELECT before"))))
    log = StatementLog([Server("", path) for path in paths])
    for path in paths:
        with path.open("a") as stream:
            stream.writelines(lines((1, "execute a: SELECT 1"), (1, "execute b: SELECT 2")))
    assert log.since_last().statements == 4
    assert log.since_last().statements == 0
