"""What a user's file says of itself: whose it is, how its events were turned into rows, and up to where.

Here: reading it, and whether this version may go on from there. Never here: going on (projector).
Always: every version keeps these columns of `metadata`, so that an older file can be told from a foreign one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import attrs

from credit_trading.errors import FileAhead, FileCorrupt, FileForeign, VersionUnsupported
from credit_trading.journal.follower import Position
from credit_trading.journal.log import Log
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables.schema import PROJECTION_VERSION


@attrs.frozen
class Standing:
    """`owner` is an exchange id and a user's number; a file fresh from the template names neither. `events` counts what it shows."""

    owner: tuple[str | None, int | None]
    projection_version: int
    position: Position
    events: int

    @classmethod
    def of(cls, connection: Connection, path: Path) -> Self:
        row = connection.execute(
            "SELECT exchange_id, user_number, projection_version, applied_sequence, applied_hash, event_number FROM metadata"
        ).fetchone()
        if row is None:
            raise FileCorrupt(
                "users.file",
                path,
                "it does not say where it stands",
                hint="Move it away; it is rebuilt when next opened.",
            )
        return cls(row[:2], row[2], Position(row[0] or "", row[3], row[4]), row[5])

    @property
    def is_outdated(self) -> bool:
        """An older version wrote it; it has to be brought to this one."""
        return self.projection_version < PROJECTION_VERSION

    def check_owner(self, path: Path, *, exchange_id: str, number: int) -> None:
        """Raises FileForeign if it names another exchange or another user."""
        if self.owner in ((None, None), (exchange_id, number)):
            return
        other_exchange = self.owner[0] != exchange_id
        raise FileForeign(
            "users.file",
            path,
            "it belongs to another exchange" if other_exchange else f"it belongs to user #{self.owner[1]}",
            hint="Move the file away; this user's is rebuilt from the journal when next opened.",
        )

    def check_history(self, log: Log, path: Path) -> None:
        """Raises FileForeign if its position is not one of the journal's, FileAhead if the journal has not come so far."""
        try:
            self.position.check(log, follower=str(path))
        except FileForeign:
            last, _ = log.head()
            if self.position.exchange_id != log.exchange_id or self.position.sequence <= last:
                raise
            raise FileAhead(
                "users.file",
                path,
                f"it is ahead of the journal (at sequence {self.position.sequence}; the journal ends at {last})",
                hint="exchange.db is an old one: put the newer one back, with its -wal.",
            ) from None

    def check_count(self, events: int, path: Path) -> None:
        """Raises FileCorrupt unless it shows so many of its owner's events."""
        if self.events != events:
            raise gap(path, f"it shows {self.events} events, and its owner had {events} up to where it stands")

    def check_version(self, path: Path) -> None:
        """Raises VersionUnsupported if a newer version wrote its rows."""
        if self.projection_version > PROJECTION_VERSION:
            raise VersionUnsupported(
                "users.file",
                path,
                f"it was projected by version {self.projection_version}, which is newer than {PROJECTION_VERSION}",
                hint="Use a newer credit_trading.",
            )


def gap(path: Path, problem: str) -> FileCorrupt:
    """It cannot be brought forward from where it stands."""
    return FileCorrupt(
        "users.file", path, problem, hint="Move it away; it is rebuilt from the journal when next opened."
    )
