"""The least that deciding anything can cost: rows that lie ready, appended to a table with the journal's own columns and indexes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from credit_trading.journal import rows
from credit_trading.store.sqlite import connect


class RawJournal:
    """A file of its own, in WAL mode and with `synchronous=FULL` as exchange.db is; `samples` are rows of a real journal, repeated."""

    def __init__(self, path: Path, samples: Sequence[rows.Row]) -> None:
        self._connection = connect(path, mode="rwc", synchronous="FULL")
        for statement in rows.SCHEMA.split(";\n"):
            self._connection.execute(statement)
        self._samples = samples
        self._sequence = 0

    def append(self, count: int, *, group: int) -> float:
        """Seconds that `count` rows take with `group` of them to a COMMIT; making the rows ready is not counted."""
        ready = [self._rows(min(group, count - done)) for done in range(0, count, group)]
        execute, insert = self._connection.execute, self._connection.executemany
        start = perf_counter()
        for chunk in ready:
            execute("BEGIN IMMEDIATE")
            insert(rows.INSERT, chunk)
            execute("COMMIT")
        return perf_counter() - start

    def close(self) -> None:
        self._connection.close()

    def _rows(self, count: int) -> list[rows.Row]:
        first = self._sequence
        self._sequence += count
        samples = self._samples
        return [(sequence + 1, *samples[sequence % len(samples)][1:]) for sequence in range(first, first + count)]
