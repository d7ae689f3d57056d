"""Reading exchange.db while a user's file is in hand.

Always: what is wrong with the tables of exchange.db is told as its fault, and never taken for one of the user's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from credit_trading.errors import FileCorrupt
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import Log
from credit_trading.store.sqlite import sqlite3


@contextmanager
def history(live: LiveReplica) -> Iterator[Log]:
    """What is committed. Keep the user's file out of the block. Raises FileCorrupt, naming exchange.db."""
    try:
        with live.history() as log:
            yield log
    except sqlite3.Error as error:
        problem = f"its tables are not as they should be ({error})"
        raise FileCorrupt("exchange.read", live.path, problem, hint="Restore it from a backup.") from error
