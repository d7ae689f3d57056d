"""jobs.db: the file in which runs are kept.

Here: its tables, making and opening it. Never here: who may run what (runs), anything of the exchange itself.
Always: no handle outlives the block that opened it, and none is open while the process forks. If the file is lost, schedules begin anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from credit_trading.errors import FileCorrupt, FileForeign, VersionUnsupported
from credit_trading.store.migrations import Migration, migrate, version_of
from credit_trading.store.sqlite import Connection, connect, immediate, sqlite3, translated
from credit_trading.users.gate import Gate

FILE_NAME = "jobs.db"
APPLICATION_ID = 0x4354524A
VERSION = 1

SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,
    job TEXT NOT NULL UNIQUE,
    schedule TEXT NOT NULL,
    known_since_us INTEGER NOT NULL,
    next_due_at_us INTEGER NOT NULL,
    last_done_at_us INTEGER,
    told_overdue_at_us INTEGER,
    hook_problem TEXT
) STRICT;
CREATE TABLE job_runs (
    run INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    due_at_us INTEGER NOT NULL,
    started_at_us INTEGER NOT NULL,
    heartbeat_at_us INTEGER NOT NULL,
    lease_until_us INTEGER NOT NULL,
    finished_at_us INTEGER,
    outcome TEXT NOT NULL CHECK (outcome IN ('running', 'done', 'failed', 'stopped', 'lost')),
    size_bytes INTEGER,
    detail TEXT,
    process INTEGER NOT NULL
) STRICT;
CREATE INDEX job_runs_by_job ON job_runs (job, run);
"""
"""`schedule` is the words from which `next_due_at_us` was reckoned. A run is its process's until `lease_until_us`."""

_ANEW = "Move the file away: it is made anew, and each job is next due by its schedule."
_FORK_WAIT_S = 30.0

_gate = Gate()


def _own_id(connection: Connection) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


MIGRATIONS = (Migration(version=1, what="runs of jobs, and when each is next due", statements=SCHEMA, finish=_own_id),)


@contextmanager
def writing(home: Path) -> Iterator[Connection]:
    """One transaction on the file, which is made if it is not there. Raises StorageError."""
    with _opened(home, "rwc") as connection:
        migrate(connection, MIGRATIONS)
        with immediate(connection):
            yield connection


@contextmanager
def reading(home: Path) -> Iterator[Connection | None]:
    """The file as it is; None where it is not there, or was never finished. Raises StorageError."""
    if not (home / FILE_NAME).exists():
        yield None
        return
    with _opened(home, "rw") as connection:  # "ro" would leave its -shm behind
        connection.execute("PRAGMA query_only = 1")
        yield connection if version_of(connection) else None


@contextmanager
def _opened(home: Path, mode: Literal["rw", "rwc"]) -> Iterator[Connection]:
    path = home / FILE_NAME
    try:
        with (
            _gate.passed(),
            translated("jobs", path),
            closing(connect(path, mode=mode, synchronous="NORMAL")) as connection,
        ):
            _check(connection, path)
            yield connection
    except FileCorrupt as error:
        raise error.advising(_ANEW)  # noqa: B904 - it is the same error
    except sqlite3.Error as error:  # our statements are right: it is the tables that are not
        problem = f"its tables are not as they should be ({error})"
        raise FileCorrupt("jobs", path, problem, hint=_ANEW) from error


def _check(connection: Connection, path: Path) -> None:
    version = version_of(connection)
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    is_blank = not version and not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application_id != APPLICATION_ID and not is_blank:
        raise FileForeign("jobs", path, "a database of another program", hint="Move it away; ours is made anew.")
    if version > VERSION:
        problem = f"version {version} is newer than {VERSION}"
        raise VersionUnsupported("jobs", path, problem, hint="Use a newer credit_trading.")


def _before_fork() -> None:
    _gate.close(timeout_s=_FORK_WAIT_S)


def _after_fork_in_parent() -> None:
    _gate.open()


def _after_fork_in_child() -> None:
    global _gate
    _gate = Gate()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
