"""Of which versions the files of a folder are: what there would be to migrate.

Here: looking, without opening the exchange, so that one of an older format stays in it. Never here: migrating anything (migrating).
Always: nothing is changed, made or brought forward; a file that cannot be told is named with its reason, and does not end the look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import attrs

from credit_trading.errors import TradingError
from credit_trading.journal.log import FILE_NAME, FORMAT_VERSION, format_of
from credit_trading.progress import Progress, no_progress
from credit_trading.store.locks import LockFile, user_slot
from credit_trading.store.migrations import pending, version_of
from credit_trading.store.sqlite import Connection, connect, translated
from credit_trading.users import catalogue, exchange_db, quarantine
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.handles import as_user_file, check_format
from credit_trading.users.naming import path_in
from credit_trading.users.tables.schema import SCHEMA_VERSION

USERS_AT_ONCE = 1_000

_WITH_QUARANTINE = 2
"""The format of exchange.db since which there is a list of files that are not used."""


@attrs.frozen
class LeftAlone:
    """A file that is not of this version and cannot get there; `reason` is one line with a way out."""

    user_id: str
    file: str
    reason: str


@attrs.frozen(kw_only=True)
class FolderVersions:
    """`files` counts users' files by version; who has none yet is in `missing`: it is made, of this version, when it is next read.

    `format_steps` says in words what exchange.db lacks.
    """

    format: int
    newest_format: int
    format_steps: Sequence[str]
    files: Mapping[int, int]
    newest_files: int
    missing: int
    left_alone: Sequence[LeftAlone]

    @property
    def outdated(self) -> int:
        """Files that there are to migrate."""
        return sum(count for version, count in self.files.items() if version < self.newest_files)

    @property
    def is_current(self) -> bool:
        return self.format == self.newest_format and not self.outdated and not self.left_alone


def look(home: Path, *, lock_timeout_s: float, progress: Progress = no_progress) -> FolderVersions:
    """Of exchange.db and of the file of each user who is not deleted; others may use them meanwhile.

    Raises NotAnExchange, FileCorrupt, VersionUnsupported for an exchange.db that is not ours to read.
    """
    counts, missing, left = Counter[int](), 0, list[LeftAlone]()
    path = home / FILE_NAME
    with ExitStack() as stack:
        connection = stack.enter_context(_looking_at(path, "exchange.look"))
        version = format_of(connection, path)
        lacks = [step.what for step in pending(connection, exchange_db.MIGRATIONS)]
        locks = stack.enter_context(_locks(home))
        users = catalogue.count_active(connection)
        for done, user in enumerate(_active_users(connection), 1):
            try:
                found = _version_in(connection, home, user, locks, lock_timeout_s, listed=version >= _WITH_QUARANTINE)
            except TradingError as error:
                left.append(LeftAlone(user.user_id, user.file_name or "", str(error)))
            else:
                missing += found is None
                counts.update([] if found is None else [found])
            progress(done, max(done, users))
    return FolderVersions(
        format=version,
        newest_format=FORMAT_VERSION,
        format_steps=lacks,
        files=dict(sorted(counts.items())),
        newest_files=SCHEMA_VERSION,
        missing=missing,
        left_alone=left,
    )


def exchange_format(home: Path) -> int | None:
    """Of exchange.db; None where there is none. Raises as `look` does."""
    path = home / FILE_NAME
    if not path.exists():
        return None
    with _looking_at(path, "exchange.look") as connection:
        return format_of(connection, path)


def _active_users(connection: Connection) -> Iterator[StoredUser]:
    """By number."""
    after = 0
    while page := catalogue.page(connection, after=after, most=USERS_AT_ONCE):
        yield from (user for user in page if user.state == "active")
        after = page[-1].number


def _version_in(
    connection: Connection, home: Path, user: StoredUser, locks: LockFile | None, timeout_s: float, *, listed: bool
) -> int | None:
    """Of the user's file, by its header alone; None if there is none. Raises what says that it cannot be migrated."""
    with ExitStack() as held:
        if locks is not None:  # nobody renames or deletes it meanwhile
            slot = user_slot(user.number)
            held.enter_context(locks.hold(slot, shared=True, timeout_s=timeout_s, operation="users.look"))
        now = catalogue.by_number(connection, user.number)
        names = [name for name in (now.file_name, now.previous_file_name) if name is not None]
        path = next((path for path in (path_in(home, name) for name in names) if path.exists()), None)
        if now.state != "active" or path is None:
            return None
        found = quarantine.find(connection, user.number) if listed else None
        if found is not None:
            raise found.error(user.user_id, path)
        with as_user_file(path), _looking_at(path, "users.look") as file:
            check_format(file, path)
            return version_of(file)


@contextmanager
def _locks(home: Path) -> Iterator[LockFile | None]:
    """None where nobody has ever opened the exchange: a look leaves no file behind."""
    path = home / "exchange.lock"
    if not path.exists():
        yield None
        return
    with closing(LockFile.open(path, create=False)) as locks:
        yield locks


@contextmanager
def _looking_at(path: Path, operation: str) -> Iterator[Connection]:
    """A connection that leaves the file and its WAL as they are.

    The last one to close a database carries its WAL into it, unless it is read-only; that one leaves its shared memory behind. So a
    WAL that holds something is only read, and where there is none nothing is left.
    """
    wal = Path(f"{path}-wal")
    with translated(operation, path):
        mode_is_ro = wal.exists() and wal.stat().st_size > 0
        with closing(connect(path, mode="ro" if mode_is_ro else "rw", synchronous="NORMAL")) as connection:
            connection.execute("PRAGMA query_only = 1")
            yield connection
