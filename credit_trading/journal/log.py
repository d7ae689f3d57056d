"""exchange.db as a log: append rows, read them in order or by one user's back-pointers.

Here: SQL on the journal table, through one connection. Never here: threads, locks, what events mean, taking rows out (moving).
Always: rows are only ever added, at the end, each chained to the one before; those that were moved into an archive are read there by all
that reads rows here, which raises ArchiveUnreachable where they cannot be had. Rows are looked for here first, and then in the list of
what was moved: so nobody misses a row that another process moves meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from credit_trading.errors import AlreadyExists, FileCorrupt, NotAnExchange, VersionUnsupported
from credit_trading.exchange.events import Entry, Fenced, Founded
from credit_trading.journal import archived, notes, rows
from credit_trading.journal.archived import MAYBE_TRADES, ArchivedRows, Traded
from credit_trading.journal.notes import Note
from credit_trading.store.migrations import Migration, migrate, pending, version_of
from credit_trading.store.sqlite import Connection, connect, file_id, immediate, sqlite3, translated

APPLICATION_ID = 0x43545258
FORMAT_VERSION = 4
"""What each brought stands in `users.exchange_db`."""

UPGRADED = "format-2"
"""The cause of the event from which on an upgraded journal holds digests of notes."""

FILE_NAME = "exchange.db"


class Log:
    """One connection to exchange.db; for one thread at a time."""

    def __init__(self, connection: Connection, path: Path, exchange_id: str) -> None:
        self.connection = connection
        self.path = path
        self.exchange_id = exchange_id
        self.file_id = file_id(path)
        self.archived = ArchivedRows(connection)

    @classmethod
    def found(cls, path: Path, first: Entry, schema: str) -> None:
        """Makes exchange.db with the journal's tables, those in `schema`, and the first entry, in one transaction.

        A file that a crash left without tables is completed. Raises AlreadyExists if an exchange is there.
        """
        with translated("exchange.init", path):
            connection = connect(path, mode="rwc")
            try:
                with immediate(connection):
                    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                        raise AlreadyExists(
                            "exchange.init", path, "there is a database already", hint="Open it instead."
                        )
                    _make_tables(connection, schema)
                    connection.execute(rows.INSERT, rows.encode(first, rows.FIRST_HASH))
            finally:
                connection.close()
            path.chmod(0o600)

    @classmethod
    @contextmanager
    def refounding(cls, path: Path, exchange_id: str, schema: str) -> Iterator[Log]:
        """An exchange.db without rows, to be filled while nobody else knows of it; durable when the block ends.

        Raises AlreadyExists if a file is there.
        """
        if path.exists():
            raise AlreadyExists("exchange.restore", path, "a file is there already", hint="Move it away.")
        with (
            translated("exchange.restore", path),
            closing(connect(path, mode="rwc", synchronous="NORMAL")) as connection,
        ):
            with immediate(connection):
                _make_tables(connection, schema)
            yield cls(connection, path, exchange_id)

    def fill(self, stored: Sequence[rows.Row], sequence: int, previous_hash: bytes) -> bytes:
        """Adds rows as they were stored elsewhere, behind that sequence and hash, in one transaction; returns the last one's hash.

        Raises FileCorrupt if they do not follow.
        """
        last_hash = rows.check_chain(stored, sequence, previous_hash)
        with immediate(self.connection):
            self.connection.executemany(rows.INSERT, stored)
        return last_hash

    @classmethod
    def pending(cls, path: Path, migrations: Sequence[Migration]) -> list[Migration]:
        """Which of them it still lacks. Raises NotAnExchange, VersionUnsupported."""
        with translated("exchange.open", path), closing(connect(path, mode="rw", synchronous="FULL")) as connection:
            format_of(connection, path)
            return pending(connection, migrations)

    @classmethod
    def upgrade(cls, path: Path, migrations: Sequence[Migration]) -> None:
        """Brings an exchange.db of an older format to this one. In the caller's turn."""
        with translated("exchange.upgrade", path), closing(connect(path, mode="rw", synchronous="FULL")) as connection:
            format_of(connection, path)
            migrate(connection, migrations)

    @classmethod
    def open(cls, path: Path) -> Log:
        """Raises NotAnExchange, FileCorrupt or VersionUnsupported for a file that is not ours to read."""
        with translated("exchange.open", path):
            connection = connect(path, mode="rw", synchronous="FULL")
            try:
                return cls(connection, path, _identify(connection, path))
            except BaseException:
                connection.close()
                raise

    def append(
        self, entries: Sequence[Entry], previous_hash: bytes, noted: Mapping[int, Note] = MappingProxyType({})
    ) -> bytes:
        """Adds the entries, and the notes by their sequences, in the caller's transaction; returns the last entry's hash."""
        encoded = []
        try:
            digests = {sequence: notes.write(self.connection, sequence, note) for sequence, note in noted.items()}
            for entry in entries:
                row = rows.encode(entry, previous_hash, digests.get(entry.sequence))
                previous_hash = row[rows.HASH]
                encoded.append(row)
            self.connection.executemany(rows.INSERT, encoded)
        except sqlite3.IntegrityError as error:
            raise rows.damaged(entries[0].sequence, f"something stands in the next row's place ({error})") from error
        return previous_hash

    def batch_from(self, sequence: int, most: int) -> list[rows.Row]:
        """Raw rows from `sequence` on, in order, and at most so many."""
        stored = self.connection.execute(
            f"SELECT {rows.COLUMNS} FROM journal WHERE sequence >= ? ORDER BY sequence LIMIT ?", (sequence, most)
        ).fetchall()
        if stored and stored[-1][0] - sequence >= len(stored):
            return self._completed(stored, sequence, most)
        if 0 < self.archived.kept_up_to < sequence:  # whoever reads on beyond it has no more use for it
            self.archived.forget()
        return stored

    def entry(self, sequence: int) -> Entry | None:
        row = self._row(sequence)
        return rows.decode(row) if row else None

    def hash_at(self, sequence: int) -> bytes | None:
        """The chain hash at that position: zeros at 0, None beyond the end."""
        if sequence == 0:
            return rows.FIRST_HASH
        row = self.connection.execute("SELECT hash FROM journal WHERE sequence = ?", (sequence,)).fetchone()
        return row[0] if row else self.archived.hash_at(sequence)

    def archived_up_to(self) -> int:
        """The last row that was moved into an archive; 0 where none was."""
        return archived.border(self.connection)

    def first(self) -> int:
        """The sequence of the first row: 1, unless somebody has added rows before it."""
        sequence: int = self.connection.execute("SELECT min(sequence) FROM journal").fetchone()[0]
        return sequence

    def head(self) -> tuple[int, bytes]:
        """Sequence and hash of the last row."""
        sequence, last_hash = self.connection.execute(
            "SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return sequence, last_hash

    def money_movement(self, command_id: str) -> Entry | None:
        """The movement that was made under this id, however long ago: the rows of the kinds in `rows.MONEY` are never moved."""
        row = self.connection.execute(
            f"SELECT {rows.COLUMNS} FROM journal INDEXED BY journal_money_causes WHERE cause = ? AND {rows.MONEY}",
            (command_id,),
        ).fetchone()
        return rows.decode(row) if row else None

    def referred(self, user: int, reference: str) -> Entry | None:
        """The movement that goes by this reference for the user, on whichever side of it, however long ago."""
        for side in ("a", "b"):
            row = self.connection.execute(
                f"SELECT {rows.COLUMNS} FROM journal INDEXED BY journal_references_{side}"
                f" WHERE user_{side} = ? AND {rows.REFERENCE} = ? AND {rows.REFERRED}",
                (user, reference),
            ).fetchone()
            if row is not None:
                return rows.decode(row)
        return None

    def trade(self, number: int) -> Traded | None:
        """The trade of that number, on the book or off it; None if there never was one.

        Trade numbers rise with the sequence, so it is found by halving the primary key: log2(rows) probes at most, each reading on to
        the next trade. Of the rows between two trades none is read twice.
        """
        border = self.archived_up_to()
        low, high = border + 1, self.head()[0] + 1
        while low < high:
            middle = (low + high) // 2
            row = self.connection.execute(
                f"SELECT {rows.COLUMNS} FROM journal WHERE sequence >= ? AND sequence < ?"
                " AND kind IN (?, ?, ?, ?) AND json_extract(payload, '$.trade') IS NOT NULL ORDER BY sequence LIMIT 1",
                (middle, high, *MAYBE_TRADES),
            ).fetchone()
            event = rows.decode(row).event if row else None
            if not isinstance(event, Traded) or event.trade is None or event.trade > number:
                high = middle
            elif event.trade < number:
                low = row[0] + 1
            else:
                return event
        return self.archived.trade(number) if border else None

    def history_of(self, user: int, *, last: int, after: int) -> list[int]:
        """The sequences of one user's entries from beyond `after` up to `last`, ascending, found by their back-pointers.

        Raises FileCorrupt if the walk does not come by `after` (0 is before everything).
        """
        return [row[0] for row in self._walk(user, "sequence", last=last, after=after)][::-1]

    def tail_of(self, user: int, *, last: int, after: int, most: int) -> list[rows.Row] | None:
        """The raw rows of the same entries, ascending; None where there are more than `most`. Raises FileCorrupt likewise."""
        found = list(islice(self._walk(user, rows.COLUMNS, last=last, after=after), most + 1))
        return found[::-1] if len(found) <= most else None

    def rows_at(self, sequences: Sequence[int]) -> list[rows.Row]:
        """The raw rows of these sequences, which exist."""
        found = [row for row in map(self._row, sequences) if row]
        assert len(found) == len(sequences), "journal rows are gone"
        return found

    def close(self) -> None:
        self.connection.close()

    def _walk(self, user: int, columns: str, *, last: int, after: int) -> Iterator[rows.Row]:
        """One user's rows, backwards; behind the columns, each ends with the sequence of the user's entry before it."""
        statement = (
            f"SELECT {columns}, CASE WHEN user_a = ?1 THEN previous_a WHEN user_b = ?1 THEN previous_b END"
            " FROM journal WHERE sequence = ?2"
        )
        sequence = last
        while sequence > after:
            row = self.connection.execute(statement, (user, sequence)).fetchone()
            if row is None:
                row = _step(self.archived.row(sequence), user)
            if row is None or row[-1] is None:
                raise rows.damaged(sequence, f"the history of user #{user} leads here, and this row is not part of it")
            yield row
            sequence = row[-1]
        if sequence != after:
            raise rows.damaged(after, f"the history of user #{user} does not come by here")

    def _row(self, sequence: int) -> rows.Row | None:
        row: rows.Row | None = self.connection.execute(
            f"SELECT {rows.COLUMNS} FROM journal WHERE sequence = ?", (sequence,)
        ).fetchone()
        return row or self.archived.row(sequence)

    def _completed(self, stored: list[rows.Row], sequence: int, most: int) -> list[rows.Row]:
        """With what was moved from between them; other gaps stay for whoever checks the chain."""
        found: list[rows.Row] = []
        for row in stored:
            if row[0] > sequence:
                found += self.archived.between(sequence, min(row[0], sequence + most - len(found)) - 1)
            if len(found) >= most:
                break
            found.append(row)
            sequence = row[0] + 1
        return found


def _step(row: rows.Row | None, user: int) -> rows.Row | None:
    """As `Log._walk` reads it here; its first column is the sequence."""
    if row is None:
        return None
    previous = next((row[at] for one, at in zip(rows.USERS, rows.PREVIOUS, strict=True) if row[one] == user), None)
    return (*row, previous)


def mark_digests(connection: Connection) -> None:
    """Adds the event from which on rows have digests of their notes, in the caller's transaction."""
    row = connection.execute(f"SELECT {rows.COLUMNS} FROM journal ORDER BY sequence DESC LIMIT 1").fetchone()
    mark = Entry(row[0] + 1, row[1], UPGRADED, None, Fenced(), *[None] * 6)
    connection.execute(rows.INSERT, rows.encode(mark, row[rows.HASH]))


def _make_tables(connection: Connection, schema: str) -> None:
    """The journal's and those in `schema`, in the caller's transaction."""
    for statement in (rows.SCHEMA + notes.SCHEMA + schema).split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def format_of(connection: Connection, path: Path) -> int:
    """The format of an exchange.db, this version's or an older one. Raises NotAnExchange, VersionUnsupported."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id != APPLICATION_ID:
        raise NotAnExchange(
            "exchange.open",
            path,
            "a database, but not an exchange's",
            hint="Create one elsewhere: credit-trading --home DIR init.",
        )
    version = version_of(connection)
    if version > FORMAT_VERSION:
        raise VersionUnsupported(
            "exchange.open",
            path,
            f"format {version} is newer than {FORMAT_VERSION}",
            hint="Use a newer credit_trading.",
        )
    return version


def _identify(connection: Connection, path: Path) -> str:
    """The exchange id of an opened exchange.db."""
    format_of(connection, path)
    row = connection.execute(f"SELECT {rows.COLUMNS} FROM journal WHERE sequence = 1").fetchone()
    first = rows.decode(row).event if row else None
    if not isinstance(first, Founded):
        raise FileCorrupt(
            "exchange.open", path, "the journal has no beginning", hint="Restore exchange.db from a backup."
        )
    return first.exchange_id
