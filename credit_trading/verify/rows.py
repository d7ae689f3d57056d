"""Journal rows as they are stored, in stretches, and which of them cannot be read.

Here: reading. Never here: what a row must be (journal).
"""

from __future__ import annotations

import attrs

from credit_trading.errors import ArchiveUnreachable
from credit_trading.journal import notes
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.notes import Stored
from credit_trading.journal.rows import Row
from credit_trading.verify.finding import EXCHANGE, RESTORE, Finding, of_error

ROWS_AT_ONCE = 5_000
"""Between so many rows, others may use the connection for reading."""


@attrs.frozen
class Stretch:
    """Rows in order and the notes on them; `unreadable` is the sequence of one that cannot be read, and why; it ends the stretch.

    Of rows in an archive that cannot be had, it is the last one.
    """

    rows: list[Row]
    notes: dict[int, Stored]
    unreadable: tuple[int, Finding] | None = None


def stretch_from(live: LiveReplica, first: int, *, up_to: int, most: int = ROWS_AT_ONCE) -> Stretch:
    """At most `most` rows from the sequence `first` on, none beyond `up_to`."""
    try:
        return _read(live, first, up_to=up_to, most=most)
    except ArchiveUnreachable as error:
        before = error.first - first
        if before > 0:
            return _read(live, first, up_to=up_to, most=min(most, before))
        return Stretch([], {}, (min(error.last, up_to), of_error(error, file=EXCHANGE, repair=RESTORE)))
    except Exception:  # noqa: BLE001 - one row of them is damaged: the next lines find out which
        return _read_singly(live, first, up_to=up_to, most=most)


def _read(live: LiveReplica, first: int, *, up_to: int, most: int) -> Stretch:
    with live.history() as log:
        rows = [row for row in log.batch_from(first, most) if row[0] <= up_to]
        noted = notes.between(log.connection, rows[0][0], rows[-1][0]) if rows else []
    return Stretch(rows, {note.sequence: note for note in noted})


def _read_singly(live: LiveReplica, first: int, *, up_to: int, most: int) -> Stretch:
    rows: list[Row] = []
    found: dict[int, Stored] = {}
    for sequence in range(first, min(up_to, first + most - 1) + 1):
        try:
            one = _read(live, sequence, up_to=sequence, most=1)
        except Exception as error:  # noqa: BLE001 - there is nothing that a damaged row cannot lead to
            told = of_error(error, file=EXCHANGE, row=f"sequence {sequence}", repair=RESTORE)
            return Stretch(rows, found, (sequence, told))
        rows += one.rows
        found |= one.notes
    return Stretch(rows, found)
