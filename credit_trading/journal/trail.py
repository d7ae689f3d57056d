"""The journal as a trail: rows from a place backwards, one user's, one command's, and by the notes on commands.

Here: where to look, in short steps, so that whoever looks far lets others read in between. Never here: what is looked for, and names.
Always: rows that lie in an archive are found there; the latest come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import msgspec

from credit_trading.exchange.events import OrderAccepted, OrderRejected
from credit_trading.journal import rows
from credit_trading.journal.log import Log
from credit_trading.journal.notes import Note
from credit_trading.journal.rows import CONTENT, KIND, PREVIOUS, USERS, Row, decode
from credit_trading.store.sqlite import Connection

STEP = 256
"""Rows that are read under one lock."""

_NEAR = 4
"""Most commands have fewer events."""

SEQUENCE, TIME_US, CAUSE, PAYLOAD = 0, 1, 4, 12
"""Places in a row, beside those of `rows`."""

ORDER_PLACED = (OrderAccepted.kind, OrderRejected.kind)
"""The kinds of a new order's event: their numbers rise with the sequence."""

History = Callable[[], AbstractContextManager[Log]]
"""Gives the log for a short while."""

_NOTED = """
SELECT sequence FROM (SELECT * FROM command_notes WHERE sequence >= :first AND sequence < :before ORDER BY sequence DESC LIMIT :most)
WHERE (:actor IS NULL OR actor = :actor) AND (:origin IS NULL OR origin = :origin)
    AND (:correlation_id IS NULL OR correlation_id = :correlation_id)
ORDER BY sequence DESC"""
_NTH_NOTE = "SELECT sequence FROM command_notes WHERE sequence < ? ORDER BY sequence DESC LIMIT 1 OFFSET ?"


def first_at(history: History, moment_us: int) -> int:
    """The first sequence whose event is not before that moment; one beyond the end if there is none. Time never falls, so by halving."""
    with history() as log:
        low, high = 1, log.head()[0] + 1
    while low < high:
        middle = (low + high) // 2
        with history() as log:
            (row,) = log.rows_at([middle])
        if row[TIME_US] >= moment_us:
            high = middle
        else:
            low = middle + 1
    return low


def backwards(history: History, *, first: int, last: int, most: int | None = None) -> list[Row]:
    """The rows from `last` down to `first`, so many or a step of them at most."""
    start = max(first, last - min(most or STEP, STEP) + 1)
    with history() as log:
        found = log.batch_from(start, last - start + 1)
    return [row for row in reversed(found) if row[SEQUENCE] <= last]


def chain(history: History, user: int, *, first: int, last: int) -> tuple[list[Row], int]:
    """One user's rows from `last`, which is one of them, down to `first`, a step at most; and the next one down, 0 for none."""
    found: list[Row] = []
    with history() as log:
        while last >= first and len(found) < STEP:
            (row,) = log.rows_at([last])
            found.append(row)
            last = _previous(row, user)
    return found, last


def link_below(history: History, user: int, *, last: int, before: int) -> int:
    """The first of the user's sequences below `before`, from `last` on, which is one of them; 0 if there is none."""
    while last >= before:
        _, last = chain(history, user, first=before, last=last)
    return last


def command_start(history: History, row: Row) -> Row | None:
    """The first row of the command that caused this one; None for what time alone brought about."""
    if row[CONTENT] is not None:
        return row
    last, most = row[SEQUENCE] - 1, _NEAR
    while last > 0:
        for one in backwards(history, first=1, last=last, most=most):
            if one[CAUSE] != row[CAUSE]:
                return None
            if one[CONTENT] is not None:
                return one
            last = one[SEQUENCE] - 1
        most *= 4
    return None


def command_end(history: History, start: Row, *, before: int) -> int:
    """The last sequence below `before` of the command whose first row that is."""
    last = int(start[SEQUENCE])
    while last + 1 < before:
        with history() as log:
            found = log.batch_from(last + 1, min(STEP, before - last - 1))
        for row in found:
            if row[CAUSE] != start[CAUSE] or row[CONTENT] is not None:
                return last
            last = row[SEQUENCE]
        if not found:
            break
    return last


def notes_on(history: History, starts: Sequence[Row]) -> dict[int, Note | None]:
    """On the commands whose first rows these are, by sequence; None where there was none, or where it is erased."""
    sequences = [row[SEQUENCE] for row in starts]
    with history() as log:
        found = log.connection.execute(
            "SELECT sequence, actor, origin, correlation_id, note, counterparty FROM command_notes"
            " WHERE sequence IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(sequences).decode(),),
        ).fetchall()
    written = {
        row[0]: Note(actor=row[1], origin=row[2], correlation_id=row[3], note=row[4], counterparty=row[5])
        for row in found
    }
    return {sequence: written.get(sequence) for sequence in sequences}


def noted(
    connection: Connection,
    *,
    first: int,
    before: int,
    actor: str | None,
    origin: str | None,
    correlation_id: str | None,
    most: int,
) -> tuple[Sequence[int], int]:
    """Of the last `most` notes below `before`, those that say all of this, the latest first; and from where down nothing was looked at."""
    given = {"actor": actor, "origin": origin, "correlation_id": correlation_id}
    found = connection.execute(_NOTED, {"first": first, "before": before, "most": most, **given}).fetchall()
    row = connection.execute(_NTH_NOTE, (before, most - 1)).fetchone()
    return [one[0] for one in found], max(first, row[0] if row else first)


def order_placed(history: History, order: int) -> Row | None:
    """The row by which the order was accepted or rejected, found by halving; None if there never was one."""
    with history() as log:
        low, high = 1, log.head()[0] + 1
    while low < high:
        middle = (low + high) // 2
        row = _next_placed(history, middle, before=high)
        if row is None or _number_in(row) > order:
            high = middle
        elif _number_in(row) < order:
            low = row[SEQUENCE] + 1
        else:
            return row
    return None


def _previous(row: Row, user: int) -> int:
    place = next((place for place, one in enumerate(USERS) if row[one] == user), None)
    if place is None:
        problem = f"the history of user #{user} leads here, and this row is not part of it"
        raise rows.damaged(row[SEQUENCE], problem)
    previous: int = row[PREVIOUS[place]]
    return previous


def _next_placed(history: History, start: int, *, before: int) -> Row | None:
    """The first row of a new order from `start` on."""
    while start < before:
        with history() as log:
            if start > log.archived_up_to():
                row: Row | None = log.connection.execute(
                    f"SELECT {rows.COLUMNS} FROM journal WHERE sequence >= ? AND sequence < ? AND kind IN (?, ?)"
                    " ORDER BY sequence LIMIT 1",
                    (start, before, *ORDER_PLACED),
                ).fetchone()
                return row
            found = log.batch_from(start, min(STEP, before - start))
        placed = next((one for one in found if one[KIND] in ORDER_PLACED), None)
        if placed is not None:
            return placed
        start += STEP
    return None


def _number_in(row: Row) -> int:
    event = decode(row).event
    assert isinstance(event, OrderAccepted | OrderRejected)
    return event.order
