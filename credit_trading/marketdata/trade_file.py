"""marketdata.db on disk: making it, opening it, deleting a damaged one.

Here: who may do so, and when. Never here: its tables (prints), what stands in them (trade_history).
Always: whoever has a handle holds the file's lock shared; the file is made or deleted under that lock held exclusively. No handle
outlives the block that opened it, so that none is open while the process forks.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from credit_trading.errors import FileCorrupt, FileForeign
from credit_trading.journal.live import LiveReplica
from credit_trading.marketdata import prints
from credit_trading.store.files import remove_database
from credit_trading.store.locks import MARKET_DATA
from credit_trading.store.sqlite import Connection, connect, immediate, sqlite3, translated

_log = logging.getLogger(__name__)

FILE_NAME = "marketdata.db"

_DELETE = (
    "Delete the file while no process has the exchange open: all of it follows from the journal, and it is made anew."
)


class Damaged(Exception):
    """The file cannot be read. `seen` tells whether it is still the same when somebody comes to delete it."""

    def __init__(self, error: FileCorrupt, seen: tuple[int, int, int] | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.seen = seen


class TradeFile:
    """Opened for one purpose at a time; threads of one process take turns elsewhere, processes need not."""

    def __init__(self, live: LiveReplica, *, timeout_s: float) -> None:
        self.path = live.path.parent / FILE_NAME
        self._live = live
        self._timeout_s = timeout_s

    def exists(self) -> bool:
        """Whether anything stands in it; a file without a byte is one that was never finished."""
        try:
            return bool(os.stat(self.path).st_size)
        except FileNotFoundError:
            return False

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """The file with its tables, made if it is not there. Raises Damaged; FileForeign if it is another program's."""
        with self._shared():
            try:
                with closing(self._connect()) as connection:
                    self._bring_up_to_version(connection)
                    yield connection
            except FileCorrupt as error:
                if error.subject != str(self.path):  # the journal's own trouble
                    raise
                raise Damaged(error, self._seen()) from error

    @contextmanager
    def statements(self) -> Iterator[None]:
        """Our statements are right: what they fail on is a file whose tables are not as they should be."""
        try:
            with translated("market_data", self.path):
                yield
        except sqlite3.Error as error:
            problem = f"its tables are not as they should be ({error})"
            raise FileCorrupt("market_data", self.path, problem, hint=_DELETE) from error

    def delete(self, damage: Damaged) -> None:
        """Makes room for a new file, unless somebody else has done so meanwhile. Raises Busy while others keep it open."""
        with self._live.lock_file.hold(MARKET_DATA, timeout_s=self._timeout_s, operation="market_data"):
            if self._seen() == damage.seen:
                _log.warning("%s is made anew: %s", self.path, damage.error.problem)
                remove_database(self.path)

    def _connect(self) -> Connection:
        """In WAL mode, also if the process that made it was killed before that was durable."""
        return connect(self.path, mode="rwc", synchronous="NORMAL", busy_timeout_s=min(5.0, self._timeout_s))

    @contextmanager
    def _shared(self) -> Iterator[None]:
        while True:
            with self._live.lock_file.hold(
                MARKET_DATA, shared=True, timeout_s=self._timeout_s, operation="market_data"
            ):
                if self.exists():
                    yield
                    return
            self._make()

    def _make(self) -> None:
        with self._live.lock_file.hold(MARKET_DATA, timeout_s=self._timeout_s, operation="market_data"):
            if self.exists():
                return
            with closing(connect(self.path, mode="rwc", synchronous="NORMAL")) as connection:
                self._bring_up_to_version(connection)

    def _bring_up_to_version(self, connection: Connection) -> None:
        with self.statements():
            version = prints.version_of(connection)
            if version == prints.SCHEMA_VERSION:
                return
            if version is None:
                raise FileForeign(
                    "market_data", self.path, "a database of another program", hint="Move it away; ours is made anew."
                )
            if version:
                _log.warning("%s is of version %d, not %d: it is made anew", self.path, version, prints.SCHEMA_VERSION)
            with immediate(connection):
                if prints.version_of(connection) != prints.SCHEMA_VERSION:
                    prints.start_over(connection)

    def _seen(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns
