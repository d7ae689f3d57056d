"""Looking for events in the journal, from the latest back: where to look for what is asked, and which rows are it.

Here: the ways to the rows, in steps that each hold the reader's lock for a moment. Never here: words from outside (audit_input), what is
shown of a row (audit).
Always: a way leads by all rows that are asked for, and each row is looked at before it is taken; memory holds a page and a step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs
import msgspec

from credit_trading.errors import NotFound, TradingError
from credit_trading.journal import trail
from credit_trading.journal.notes import Note
from credit_trading.journal.rows import CONTENT, KIND, NOTE, USERS, Row
from credit_trading.journal.trail import CAUSE, PAYLOAD, SEQUENCE
from credit_trading.trading.audit_input import Asked
from credit_trading.trading.desk import Desk
from credit_trading.users import catalogue
from credit_trading.users.tables import trail as table
from credit_trading.users.tables.audit import SYSTEM

LOOK_AT_MOST = 20_000
"""Rows for one page; a page that finds little ends there, and says so."""

_NOTES_AT_ONCE = 10_000
"""Notes under one lock: half a microsecond each."""

_NOTES_TO_A_ROW = 20
"""So many cost as much to look at as one row."""

_OF_USER = re.compile(r"user([0-9]{1,18})/")

_decode = msgspec.json.Decoder(dict[str, object]).decode


@attrs.frozen
class Hit:
    """A row, and who caused it: `actor` is None where that was erased."""

    row: Row
    actor: str | None
    note: Note | None


@attrs.frozen
class _Step:
    """Rows to look at, the latest first; how many were passed to get them; and below where the next step goes on."""

    rows: Sequence[Row]
    passed: int
    before: int


class Search:
    """One page's; for one thread. `user` is whose history it is to be, or None for everybody's."""

    def __init__(self, desk: Desk, asked: Asked, *, user: int | None, causes: Sequence[str]) -> None:
        self._desk = desk
        self._history = desk.live.history
        self._asked = asked
        self._user = user
        self._causes = causes
        self._users: dict[int, catalogue.User] = {}
        self._starts: dict[int, Row] = {}
        self._notes: dict[int, Note | None] = {}
        self._far_start: Row | None = None
        """Of a command that began further down than the step: rows come from the latest back, so those down to it are of that command."""

    def page(self, *, before: int | None, most: int) -> tuple[list[Hit], int | None]:
        """The latest hits below `before`, and where to go on; None where all has been looked at."""
        if self._asked.nothing:
            return [], None
        first = 1 if self._asked.from_us is None else trail.first_at(self._history, self._asked.from_us)
        found: list[Hit] = []
        looked = 0
        for step in self._steps(first, before):
            self._look_ahead(step.rows)
            for row in step.rows:
                hit = self._hit(row)
                if hit is None:
                    continue
                if len(found) == most:
                    return found, int(row[SEQUENCE]) + 1
                found.append(hit)
            looked += step.passed
            if looked >= LOOK_AT_MOST and step.before > first:
                return found, step.before
        return found, None

    def hit(self, row: Row) -> Hit:
        """The row with its command's note."""
        start = self._start_of(row)
        if start is None:
            return Hit(row, SYSTEM, None)
        note = self._note_on(start)
        if note is not None:
            return Hit(row, note.actor, note)
        number = _number_in(start[CAUSE])
        if number is None or start[NOTE] is not None:
            return Hit(row, None, None)
        return Hit(row, f"user:{self._user_of(number).user_id}", None)

    def name_of(self, number: int) -> str:
        """The user's id; of one who is deleted only the number."""
        user = self._user_of(number)
        return user.user_id if user.state == "active" else f"#{number} (deleted)"

    def _user_of(self, number: int) -> catalogue.User:
        if number not in self._users:
            with self._history() as log:
                self._users[number] = catalogue.by_number(log.connection, number)
        return self._users[number]

    def _hit(self, row: Row) -> Hit | None:
        """What costs nothing is looked at first."""
        asked = self._asked
        if asked.kinds and row[KIND] not in asked.kinds:
            return None
        if self._user is not None and self._user not in (row[USERS[0]], row[USERS[1]]):
            return None
        if self._causes and row[CAUSE] not in self._causes:
            return None
        if asked.order_id is not None and not _is_about(row, asked.order_id):
            return None
        hit = self.hit(row)
        note = hit.note
        if asked.actor is not None and hit.actor != asked.actor:
            return None
        if asked.origin is not None and (note is None or note.origin != asked.origin):
            return None
        if asked.correlation_id is not None and (note is None or note.correlation_id != asked.correlation_id):
            return None
        if asked.text is not None and not _contains(hit, asked.text.lower()):
            return None
        return hit

    def _start_of(self, row: Row) -> Row | None:
        """The first row of its command; None for what only time has brought about."""
        if row[CONTENT] is None and "/" not in row[CAUSE]:
            return None
        start = self._starts.get(row[SEQUENCE]) or self._far_start
        if start is None or start[SEQUENCE] > row[SEQUENCE]:
            start = self._far_start = trail.command_start(self._history, row)
        return start

    def _note_on(self, start: Row) -> Note | None:
        if start[SEQUENCE] not in self._notes:
            self._notes |= trail.notes_on(self._history, [start])
        return self._notes[start[SEQUENCE]]

    def _look_ahead(self, rows: Sequence[Row]) -> None:
        """Where the commands of these rows begin, as far as that is among them, and the notes there: read at once."""
        self._starts, self._notes = {}, {}
        later: list[Row] = []
        for row in rows:
            later.append(row)
            if row[CONTENT] is not None:
                self._starts |= {one[SEQUENCE]: row for one in later if one[CAUSE] == row[CAUSE]}
                later = []
        if self._starts:
            begun = {row[SEQUENCE]: row for row in self._starts.values()}
            self._notes = trail.notes_on(self._history, list(begun.values()))

    # Ways

    def _steps(self, first: int, before: int | None) -> Iterator[_Step]:
        """By what leads most directly to the rows."""
        asked, user = self._asked, self._user
        high = self._high() if before is None else max(1, min(before, self._beyond()))
        if self._causes:
            return self._caused(first, high)
        if asked.order_id is not None:
            placed = trail.order_placed(self._history, asked.order_id)
            owner = None if placed is None else placed[USERS[0]]
            return self._listed(owner, table.Wanted(order_id=asked.order_id), first, high)
        if user is not None:
            return self._chained(user, first, self._last_below(user, high))
        if (asked.correlation_id, asked.origin) != (None, None):
            return self._noted(first, high)
        if asked.actor is None or asked.actor == SYSTEM:
            return self._range(first, high)
        if asked.actor.startswith("user:"):
            return self._begun_by(asked.actor.removeprefix("user:"), first, high)
        return self._noted(first, high)

    def _high(self) -> int:
        if self._asked.to_us is not None:
            return trail.first_at(self._history, self._asked.to_us)
        return self._beyond()

    def _beyond(self) -> int:
        with self._history() as log:
            return log.head()[0] + 1

    def _range(self, first: int, high: int) -> Iterator[_Step]:
        while high > first:
            rows = trail.backwards(self._history, first=first, last=high - 1)
            high = rows[-1][SEQUENCE]
            yield _Step(rows, len(rows), high)

    def _chained(self, user: int, first: int, last: int) -> Iterator[_Step]:
        """By back-pointers, which need no file, from `last`, which is one of the user's rows."""
        while last >= first:
            rows, last = trail.chain(self._history, user, first=first, last=last)
            yield _Step(rows, len(rows), last + 1)

    def _listed(self, user: int | None, wanted: table.Wanted, first: int, high: int) -> Iterator[_Step]:
        """By an index of the user's file; where that cannot be used, all of the user's history."""
        if user is None or self._last_of(user) == 0:
            return
        while True:
            try:
                with self._desk.file_of(user) as connection:
                    found = table.sequences(connection, wanted, before=high, most=trail.STEP)
            except TradingError:
                yield from self._chained(user, first, self._last_below(user, high))
                return
            if not found:
                return
            with self._history() as log:
                rows = log.rows_at(found)
            high = found[-1]
            yield _Step([row for row in rows if row[SEQUENCE] >= first], len(rows), high)

    def _caused(self, first: int, high: int) -> Iterator[_Step]:
        """By command id: of a user by that one's file; of an administrator as far as it is remembered, and then by all."""
        number = next((number for number in map(_number_in, self._causes) if number is not None), self._user)
        if number is not None:
            yield from self._listed(number, table.Wanted(causes=self._causes), first, high)
            return
        (cause,) = self._causes
        with self._history() as log:
            movement = log.money_movement(cause)
        answer = self._desk.reading(lambda replica: replica.answers.get(cause))
        sequence = movement.sequence if movement else answer.sequence if answer else None
        if sequence is not None and sequence < high:
            yield from self._command(sequence, first, high)
            high = sequence
        if movement is None:
            yield from self._range(first, high)

    def _noted(self, first: int, high: int) -> Iterator[_Step]:
        """By the notes on commands: who, from where, within what."""
        asked, before = self._asked, high
        while before > first:
            with self._history() as log:
                found, below = trail.noted(
                    log.connection,
                    first=first,
                    before=before,
                    actor=asked.actor,
                    origin=asked.origin,
                    correlation_id=asked.correlation_id,
                    most=_NOTES_AT_ONCE,
                )
            for sequence in found:
                yield from self._command(sequence, first, high)
            yield _Step((), _NOTES_AT_ONCE // _NOTES_TO_A_ROW, below)
            before = below

    def _begun_by(self, user_id: str, first: int, high: int) -> Iterator[_Step]:
        """The commands of a user; what they led to may concern others alone."""
        try:
            with self._history() as log:
                user = catalogue.former(log.connection, user_id).number
        except NotFound:
            return
        passed = 0
        for step in self._chained(user, first, self._last_below(user, high)):
            before = 0
            for row in step.rows:
                begins, own = row[CONTENT] is not None, _number_in(row[CAUSE]) == user
                if begins and own:
                    yield from self._command(row[SEQUENCE], first, high)
                if begins or not own:  # else its command begins further down, and nobody may go on in between
                    before = row[SEQUENCE]
            passed += len(step.rows)
            if before:
                yield _Step((), passed, before)
                passed = 0

    def _command(self, sequence: int, first: int, high: int) -> Iterator[_Step]:
        """All rows of the command that began there."""
        with self._history() as log:
            (start,) = log.rows_at([sequence])
        before = trail.command_end(self._history, start, before=high) + 1
        return self._range(max(first, sequence), before)

    def _last_below(self, user: int, high: int) -> int:
        """The user's last row below that sequence. A page of the user's goes on just behind one of them."""
        if high > 1:
            with self._history() as log:
                (row,) = log.rows_at([high - 1])
            if user in (row[USERS[0]], row[USERS[1]]):
                return high - 1
        return trail.link_below(self._history, user, last=self._last_of(user), before=high)

    def _last_of(self, user: int) -> int:
        """Where the user's history ends; 0 if there never was such a user."""
        known = self._desk.reading(lambda replica: replica.users.get(user))
        return 0 if known is None else known.last_sequence


def _number_in(cause: str) -> int | None:
    """Whose command it is."""
    match = _OF_USER.match(cause)
    return int(match[1]) if match else None


def _is_about(row: Row, order: int) -> bool:
    if str(order) not in row[PAYLOAD]:
        return False
    event = _decode(row[PAYLOAD])
    return order in (event.get("order"), event.get("taker_order"), event.get("maker_order"))


def _contains(hit: Hit, text: str) -> bool:
    note = hit.note
    words = [hit.row[PAYLOAD], hit.row[CAUSE], hit.actor]
    if note is not None:
        words += [note.origin, note.correlation_id, note.note, note.counterparty]
    return any(text in word.lower() for word in words if word)
