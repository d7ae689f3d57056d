"""A host's database to test with, and a look into it that does not go through what is tested."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from sqlalchemy import Connection, NullPool, create_engine, text

from tests.host.postgres import Postgres


@attrs.frozen
class Database:
    """`server` is the one it is on; SQLite has none."""

    kind: str
    url: str
    server: Postgres | None = None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection that is nobody else's, in a transaction that is committed at the end of the block."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.begin() as connection:
            yield connection

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        """What any tool would show."""
        with self.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def execute(self, sql: str, **values: object) -> None:
        """What any tool could do."""
        with self.connect() as connection:
            connection.execute(text(sql), values)
