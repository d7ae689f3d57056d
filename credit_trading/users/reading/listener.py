"""A connection that remembers what it was asked, so that a slow question can be told with its plan.

Always: what is told holds no values, only the SQL with its question marks.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

from credit_trading.store.sqlite import Connection, sqlite3


class Listener:
    """Stands for a connection to those who only execute statements."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asked: list[tuple[int, str, Any]] = []

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._asked.append((perf_counter_ns(), statement, parameters))
        return self._connection.execute(statement, parameters)

    def slowest(self) -> tuple[str, list[str]] | None:
        """The statement from which on it took longest to the next one, and its plan; None if nothing was asked."""
        if not self._asked:
            return None
        ends = [begun for begun, _, _ in self._asked[1:]] + [perf_counter_ns()]
        durations = [end - begun for (begun, _, _), end in zip(self._asked, ends, strict=True)]
        _, statement, parameters = self._asked[durations.index(max(durations))]
        if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
            return statement, []
        return statement, [row[3] for row in self._connection.execute("EXPLAIN QUERY PLAN " + statement, parameters)]
