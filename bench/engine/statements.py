"""SQL statements and commits an operation costs, counted from the database servers' own logs.

Only on servers of ours: `log_statement` needs their superuser. A trial of its own, because
logging costs time. What the shop does by itself meanwhile (polling) is measured and taken off.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from bench.deployments.base import Deployment
from bench.deployments.local.binaries import SUPERUSER
from bench.engine.database_servers import Server, configure, own_servers
from bench.engine.run_context import RunContext
from bench.engine.target import OUTBOX_VIEW, Subject
from bench.engine.trial import TrialKey
from bench.load.generator import ClosedLoop
from bench.load.schedule import ScheduleSpec, build_schedule
from bench.results.journal import SqlCount

REQUESTS = 40
_LIMIT_S = 20.0
_RELOAD_S = 0.1  # the postmaster tells its children; each looks before its next statement
_FLUSH_S = 0.05
# "%m [%p] %q%u@%d " and then what log_statement=all writes for both protocols
_LINE = re.compile(
    r"^\S+ \S+ \S+ \[(?P<pid>\d+)\] (?P<role>[^@\s]+)@\S+ LOG:\s+"
    r"(?:statement|execute [^:]*): (?P<sql>.*)$"
)
_BEGIN = ("BEGIN", "START")
_END = ("COMMIT", "END")
_CONTROL = (*_BEGIN, *_END, "ROLLBACK", "ABORT")


def count_statements(
    ctx: RunContext, deployment: Deployment, subject: Subject, operation: str
) -> None:
    """Store a trial of experiment `sql` that says what one operation costs a deployment."""
    servers = own_servers(deployment) if ctx.options.place == "local" else []
    if already_counted(ctx, subject.name, operation):
        return
    if not servers:
        ctx.writer.note("SQL statements were not counted: the database servers are not ours")
        return
    seed = ctx.seed("sql", operation)
    spec = ScheduleSpec(operation, 2.0 * REQUESTS, seed, 0.0, 0.0, 1.0)
    schedule = build_schedule(spec)
    loop = ClosedLoop(1, 0.0, _LIMIT_S, max_visits=REQUESTS)
    with statement_log(servers) as log:
        start = time.monotonic()
        trial, rows = ctx.bench.run_closed(TrialKey("sql", 0, 0, 0), subject, schedule, loop)
        took = time.monotonic() - start
        busy = log.since_last()
        time.sleep(took)
        idle = log.since_last()
    sql = SqlCount(
        max(0, (busy.statements or 0) - (idle.statements or 0)),
        max(0, busy.commits - idle.commits),
    )
    failed = any(text for text in rows.column("error").to_pylist())
    # Timing gates do not matter to a count; a failed request does.
    ctx.writer.add_trial(
        replace(trial, sql=sql, gates=(), status="invalid" if failed else "valid"), rows
    )


def already_counted(ctx: RunContext, name: str, operation: str) -> bool:
    """Whether the journal holds this count."""
    return any(
        (trial.experiment, trial.deployment, trial.mix) == ("sql", name, operation)
        for trial in ctx.writer.journal.trials
    )


def count_log(lines: Iterable[str]) -> SqlCount:
    """Count statements (without transaction control) and commits (implicit ones too) in a log."""
    statements, commits = 0, 0
    inside: set[str] = set()
    for line in lines:
        match = _LINE.match(line)
        if match is None or match["role"] == SUPERUSER or OUTBOX_VIEW in match["sql"]:
            continue  # the superuser and the look at the outbox are ours, not the shop's
        pid, word = match["pid"], match["sql"].lstrip().split(" ", 1)[0].rstrip(";").upper()
        if word in _BEGIN:
            inside.add(pid)
        elif word in _CONTROL and "TO SAVEPOINT" not in match["sql"].upper():
            inside.discard(pid)
            commits += word in _END
        else:
            statements += 1
            commits += pid not in inside
    return SqlCount(statements, commits)


class StatementLog:
    """Counts what servers were asked since the last time, from what they log."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self._read = [server.log.stat().st_size for server in servers]

    def since_last(self) -> SqlCount:
        """Count what has come since this was called last, or since the logging began."""
        time.sleep(_FLUSH_S)
        statements, commits = 0, 0
        for number, server in enumerate(self._servers):
            with server.log.open(encoding="utf-8", errors="replace") as log:
                log.seek(self._read[number])
                count = count_log(iter(log.readline, ""))
                self._read[number] = log.tell()
            statements += count.statements or 0
            commits += count.commits
        return SqlCount(statements, commits)


@contextmanager
def statement_log(servers: list[Server]) -> Iterator[StatementLog]:
    """Have servers of ours log every statement for as long as the block lasts."""
    try:
        configure(servers, "ALTER SYSTEM SET log_statement = 'all'")
        time.sleep(_RELOAD_S)
        yield StatementLog(servers)
    finally:
        configure(servers, "ALTER SYSTEM RESET log_statement")
