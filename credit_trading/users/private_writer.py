"""The one way in which private facts are written into a user's file.

Here: the transaction, and what has to be true before it. Never here: the tables (the rooms whose facts they are), and no table that is
filled from the journal.
Always: the user is marked in exchange.db first, in the generation that is now; the transaction is on the disk when it ends; no rebuild,
copy or deletion is under way meanwhile, so that none leaves it behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from credit_trading.store.sqlite import Connection, immediate
from credit_trading.users.files import UserFiles
from credit_trading.users.projector import LOCK_WAIT_MS, Projector


class PrivateWriter:
    """Writes into any user's file; whose facts they are is up to the caller."""

    def __init__(self, files: UserFiles, projector: Projector) -> None:
        self._files = files
        self._projector = projector

    @contextmanager
    def writing(self, number: int) -> Iterator[Connection]:
        """One write transaction on the user's file, durable when the block ends; undone if it raises. Make tables with IF NOT EXISTS.

        An error at its very end (the COMMIT) leaves open whether it took effect: look before repeating it. Raises Busy, Unwritable,
        FileQuarantined, PrivateFactsMissing, NotFound for a user who is deleted.
        """
        with self._projector.caught_up(number):
            pass  # the file is there, is the user's, and may be used
        with self._files.checkout(number) as connection, self._files.rebuilding(number):
            self._projector.admission.mark_private(number)
            connection.wait_for_locks(min(LOCK_WAIT_MS, self._files.lock_timeout_ms))
            connection.execute("PRAGMA synchronous = FULL")
            try:
                with immediate(connection):
                    yield connection
            finally:
                if not connection.in_transaction:  # else the disk failed, and the pool closes the handle
                    connection.execute("PRAGMA synchronous = NORMAL")
