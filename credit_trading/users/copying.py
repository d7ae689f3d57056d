"""Whole copies of users' files as bytes, while their users trade.

Here: how a file is copied, what is told with the copy, and many of them at a time. Never here: where copies go (packs and plain files).
Always: a copy is one consistent database by itself and stands at the end of its user's history as of when it was made; it says so itself.
While it is made nobody writes private facts into the file, and nobody waits for longer than that: one file is held at a time, for one copy.
Private facts cannot be made again: a file that holds any is checked by SQLite, in the transaction in which it is copied, and a damaged one
is not taken for a copy.

A file without any that nobody has open is read as it is, under its user's lock held exclusively (at_rest). Any other is brought forward if
it has to be, and copied by SQLite's backup API from the pooled handle.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

import attrs

from credit_trading.errors import NotFound, TradingError
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.store.locks import user_slot
from credit_trading.store.snapshot import Snapshots
from credit_trading.users import catalogue, private, quarantine
from credit_trading.users.at_rest import content_at_rest, standing_in
from credit_trading.users.files import UserFiles
from credit_trading.users.handles import as_user_file
from credit_trading.users.history import history
from credit_trading.users.projector import Projector
from credit_trading.users.replacing import check_integrity
from credit_trading.users.standing import Standing
from credit_trading.users.tables.schema import PROJECTION_VERSION, SCHEMA_VERSION

T = TypeVar("T")

AHEAD_BYTES = 2 * 1024 * 1024
"""Copies that are read while others are dealt with. One thread reads: two take twice as long, for they only pass the interpreter around."""

AT_ONCE = 32
"""Users whose place in the journal is looked up together."""


@attrs.frozen(kw_only=True)
class FileCopy:
    """`content` is a whole database in WAL mode; up to `sequence` it shows the journal, whose chain hash there is `hash`."""

    number: int
    content: bytes = attrs.field(repr=False)
    sequence: int
    hash: bytes
    schema_version: int


@attrs.frozen
class Skipped:
    """A user whose file cannot be copied, and why."""

    number: int
    error: TradingError


@attrs.frozen
class _Wanted:
    """Where a user's file is, and what it says of itself when it stands at the end of the user's history."""

    number: int
    path: Path
    standing: Standing
    may_be_read: bool
    """Without SQLite: it is not in quarantine, and holds nothing that the journal does not know."""


class Copying:
    """The files of one exchange's users."""

    def __init__(self, live: LiveReplica, files: UserFiles, projector: Projector) -> None:
        self._live = live
        self._files = files
        self._projector = projector

    def copy(self, number: int) -> FileCopy:
        """One user's file. Raises NotFound for a user who is deleted; whatever keeps the file from being read or brought forward."""
        with Snapshots() as snapshots:
            return self._used(number, snapshots)

    def copies(self, numbers: Iterable[int], each: Callable[[FileCopy], T]) -> Iterator[T | Skipped]:
        """What `each` makes of these users' copies, in their order; who is deleted is left out.

        `each` is called in the caller's thread, while another one reads on; of copies that it has dealt with nothing is kept.
        """
        with Snapshots() as snapshots, closing(_read_ahead(self._found(numbers, snapshots))) as found:
            for one in found:
                yield one if isinstance(one, Skipped) else each(one)

    def _found(self, numbers: Iterable[int], snapshots: Snapshots) -> Iterator[FileCopy | Skipped]:
        rest = iter(numbers)
        while group := list(islice(rest, AT_ONCE)):
            for wanted in self._wanted(group):
                try:
                    yield self._at_rest(wanted) or self._used(wanted.number, snapshots)
                except NotFound:  # deleted meanwhile
                    continue
                except TradingError as error:
                    yield Skipped(wanted.number, error)

    def _wanted(self, numbers: Iterable[int]) -> list[_Wanted]:
        with self._live.reading() as replica:
            exchange_id = replica.exchange_id
            users = [replica.users[number] for number in numbers]
            ends = [(user.number, user.last_sequence, user.event_count) for user in users if not user.deleted]
        found = []
        with history(self._live) as log:
            listed = {one.number for one in quarantine.list_all(log.connection)}
            for number, sequence, events in ends:
                user = catalogue.by_number(log.connection, number)
                if user.state == "active":
                    position = Position(exchange_id, sequence, log.hash_at(sequence) or b"")
                    standing = Standing((exchange_id, number), PROJECTION_VERSION, position, events)
                    may_be_read = number not in listed and not private.is_marked(log.connection, number)
                    found.append(_Wanted(number, self._files.path_for(user), standing, may_be_read))
        return found

    def _at_rest(self, wanted: _Wanted) -> FileCopy | None:
        """None unless nobody has the file open and it stands where it should."""
        lock_file, slot = self._live.lock_file, user_slot(wanted.number)
        if not wanted.may_be_read or not lock_file.try_acquire(slot):
            return None
        try:
            content = content_at_rest(wanted.path)
        except OSError:  # opening it will say what is wrong
            return None
        finally:
            lock_file.release(slot)
        if content is None or standing_in(content) != wanted.standing:
            return None
        return _copy(wanted.number, content, wanted.standing)

    def _used(self, number: int, snapshots: Snapshots) -> FileCopy:
        """A private transaction is waited for, as is a rebuild. Raises FileCorrupt for damage where there are private facts."""
        with self._projector.caught_up(number) as connection, self._files.rebuilding(number):
            path = self._files.path_of(number)
            is_private = self._projector.admission.is_private(number)
            with as_user_file(path):
                connection.execute("BEGIN")
                try:
                    standing = Standing.of(connection, path)
                    if is_private:
                        check_integrity(connection, path)
                    content = snapshots.take(connection)
                finally:
                    connection.execute("ROLLBACK")
        return _copy(number, content, standing)


def _copy(number: int, content: bytes, standing: Standing) -> FileCopy:
    position = standing.position
    return FileCopy(
        number=number,
        content=content,
        sequence=position.sequence,
        hash=position.hash,
        schema_version=SCHEMA_VERSION,
    )


def _read_ahead(items: Iterator[FileCopy | Skipped]) -> Generator[FileCopy | Skipped, None, None]:
    """The same, read by a thread of their own: some ahead of what is asked for, and no more than `AHEAD_BYTES` and one."""

    def some() -> list[FileCopy | Skipped]:
        found: list[FileCopy | Skipped] = []
        size = 0
        for one in items:
            found.append(one)
            size += len(one.content) if isinstance(one, FileCopy) else 0
            if size >= AHEAD_BYTES:
                break
        return found

    with ThreadPoolExecutor(1, "copy") as pool:
        coming = _submitted(pool, some)
        while coming is not None and (found := coming.result()):
            coming = _submitted(pool, some)
            yield from found
    yield from items  # what no thread could be had for


def _submitted(pool: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T] | None:
    """None where there are no new threads: the main thread has ended, or there are too many."""
    try:
        return pool.submit(work)
    except RuntimeError:
        return None
