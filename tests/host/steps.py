"""The steps of a worker, and its end at one of them: SIGKILL.

Here: counting statements and COMMITs on the host's database, and COMMITs of exchange.db. Never here: which step is chosen.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
from sqlalchemy import Engine, event

from credit_trading.store.sqlite import TrackedConnection, file_id


@attrs.define(eq=False)
class Steps:
    """`names` are those so far. The process ends at the `last`-th, counted from 1; None: it only counts."""

    last: int | None = None
    names: list[str] = attrs.Factory(list)

    def take(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def counted(steps: Steps, engine: Engine, journal: Path) -> Iterator[None]:
    """Of this engine and this journal, from now on."""
    do_commit, execute, journal_id = engine.dialect.do_commit, TrackedConnection.execute, file_id(journal)

    def statement(connection: Any, cursor: Any, sql: str, *_: Any) -> None:
        steps.take(f"before {sql.split()[0]}")

    def commit_host(connection: Any) -> None:
        steps.take("before the host's COMMIT")
        do_commit(connection)
        steps.take("after the host's COMMIT")

    def commit_journal(connection: Any, sql: str, *parameters: Any) -> Any:
        if sql != "COMMIT" or _file_of(connection) != journal_id:
            return execute(connection, sql, *parameters)
        steps.take("before the journal's COMMIT")
        done = execute(connection, sql, *parameters)
        steps.take("after the journal's COMMIT")
        return done

    event.listen(engine, "before_cursor_execute", statement)
    with (
        mock.patch.object(engine.dialect, "do_commit", commit_host),
        mock.patch.object(TrackedConnection, "execute", commit_journal),
    ):
        yield
    event.remove(engine, "before_cursor_execute", statement)


def _file_of(connection: TrackedConnection) -> object:
    ((_, _, path),) = sqlite_execute(connection, "PRAGMA database_list").fetchall()[:1]
    return file_id(path)


def sqlite_execute(connection: TrackedConnection, sql: str) -> Any:
    """Past whatever counts."""
    return super(TrackedConnection, connection).execute(sql)
