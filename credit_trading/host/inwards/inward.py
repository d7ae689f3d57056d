"""What the host asks for, on its way to the exchange: each new request becomes a command, and each decision ends what is held.

Here: reading the rows, submitting, and setting aside what cannot become a command. Never here: what came of a command (outcomes: it is read
from the journal and written with the new balance), what a row means (request_commands).
Always: nothing is said of a request in the host's tables before the journal has it; a row that is wrong holds up no other; whatever dies in
between, the same row makes the same command again. While the exchange takes no commands, rows stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
from sqlalchemy import Select, select, update

from credit_trading.config import Settings
from credit_trading.errors import StorageError, TradingError
from credit_trading.exchange.events import Entry
from credit_trading.host import position
from credit_trading.host.adapter import Adapter
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.inwards.request_commands import RequestCommands, Stored
from credit_trading.host.request import Decision, RequestKind, RequestStatus, command_id
from credit_trading.host.request_rows import beyond
from credit_trading.host.tables import Tables
from credit_trading.journal.follower import Position
from credit_trading.trading.desk import Desk
from credit_trading.trading.outcome import Outcome
from credit_trading.trading.sequencer import Prepared

PAGE_ROWS = 500
"""Requests that are read, and whose commands are submitted, together."""

MOST_PAGES = 20
"""Of one round, so that outcomes are written now and then."""

_READ = ("id", "kind", "user_id", "project_id", "asset", "amount", "note", "actor", "correlation_id", "decision")

_NEW, _HELD, _DONE, _SET_ASIDE = (
    status.value for status in (RequestStatus.NEW, RequestStatus.HELD, RequestStatus.DONE, RequestStatus.SET_ASIDE)
)
_ALREADY = "already_done"
"""The code of a new row whose request came to its end before, under the same id."""


@attrs.frozen(kw_only=True)
class Asked:
    """How many requests: new ones that the exchange has decided, held ones that were ended, retired projects, and those set aside."""

    submitted: int = 0
    ended: int = 0
    retired: int = 0
    set_aside: int = 0

    def plus(self, other: Asked) -> Asked:
        return Asked(
            submitted=self.submitted + other.submitted,
            ended=self.ended + other.ended,
            retired=self.retired + other.retired,
            set_aside=self.set_aside + other.set_aside,
        )


@attrs.frozen
class _Change:
    """What is to be written onto a row that is new, if that is still true."""

    request_id: Any
    values: dict[str, object]

    @classmethod
    def aside(cls, row: Stored, *, code: str, sentence: str) -> _Change:
        return cls(row["id"], {"status": _SET_ASIDE, "code": code, "sentence": sentence})


class Inward:
    """The way of one host's requests to one exchange; any number of these may be at work at once."""

    def __init__(self, desk: Desk, adapter: Adapter, tables: Tables, settings: Settings) -> None:
        self._desk = desk
        self._adapter = adapter
        self._tables = tables
        self._on_retire = settings.host_on_retire

    def round(self, stop: Callable[[], bool] = lambda: False) -> Asked:
        """All that is asked for now, in the order of `created_at` and `id`; then the ends of what is held and decided on.

        Raises FileForeign where the tables show another history: then nothing is submitted. Raises StorageError while the exchange or
        the host's database cannot be used: what was not submitted is, by the next round.
        """
        asked, queries = Asked(), (self._new(), self._decided())
        place, pages = self._read(*queries)
        for query, work, rows in zip(queries, (self._begin, self._end), pages, strict=True):
            for _ in range(MOST_PAGES):
                if not rows or stop():
                    break
                asked = asked.plus(work(place, rows))
                if len(rows) < PAGE_ROWS:
                    break
                place, (rows,) = self._read(query.where(beyond(self._tables, rows[-1]["id"])))
        return asked

    def _new(self) -> Select[*tuple[Any, ...]]:
        return self._requests().where(self._tables.requests.c.status == _NEW)

    def _decided(self) -> Select[*tuple[Any, ...]]:
        row = self._tables.requests
        decisions = [decision.value for decision in Decision]
        return self._requests().where(row.c.status == _HELD, row.c.decision.in_(decisions))

    def _requests(self) -> Select[*tuple[Any, ...]]:
        row = self._tables.requests
        return select(*(row.c[name] for name in _READ)).order_by(row.c.created_at, row.c.id).limit(PAGE_ROWS)

    def _read(self, *queries: Select[*tuple[Any, ...]]) -> tuple[Position, list[list[Stored]]]:
        """The position first: what the rows say is then as of there, or later."""
        with translated_errors(position.FOLLOWER), self._adapter.transaction() as connection:
            core = borrowed(connection)
            place = position.stored(core, self._tables)
            pages = [[row._asdict() for row in core.execute(query)] for query in queries]
        with self._desk.live.history() as log:
            position.check(place, log)
        return place, pages

    def _begin(self, place: Position, rows: Sequence[Stored]) -> Asked:
        commands = RequestCommands(self._desk, place, on_retire=self._on_retire)
        begun: list[tuple[Stored, list[Prepared]]] = []
        aside: list[_Change] = []
        for row in rows:
            try:
                begun.append((row, commands.begin(row)))
            except StorageError:
                raise
            except TradingError as error:
                aside.append(_Change.aside(row, code=error.code, sentence=str(error)))
        set_aside = self._change(commands, aside)
        outcomes = iter(self._submit(prepared for _, own in begun for prepared in own))
        decided = [(row, [next(outcomes) for _ in own]) for row, own in begun]
        changes = [change for row, own in decided if (change := _change_after(place, row, own)) is not None]
        changed = self._change(commands, changes)
        failures = _failures(outcome for _, own in decided for outcome in own)
        if failures:
            raise failures[0]
        retired = sum(change.values["status"] == _DONE for change in changes)
        return Asked(
            submitted=len(begun) - len(changes), retired=retired, set_aside=set_aside + max(changed - retired, 0)
        )

    def _end(self, place: Position, rows: Sequence[Stored]) -> Asked:
        """What the exchange refuses here was ended before: the row says so as soon as the journal's events come to it."""
        commands = RequestCommands(self._desk, place, on_retire=self._on_retire)
        outcomes = self._submit(end for row in rows if (end := commands.end(row)) is not None)
        failures = _failures(outcomes)
        if failures:
            raise failures[0]
        return Asked(ended=sum(outcome.ok and not outcome.repeated for outcome in outcomes))

    def _submit(self, prepared: Iterable[Prepared]) -> list[Outcome]:
        """Users' files show it when they are next read: nobody waits here who would."""
        return self._desk.sequencer.submit(list(prepared), project=False)

    def _change(self, commands: RequestCommands, changes: Sequence[_Change]) -> int:
        """Onto the rows that are still new, but for those whose outcome is on its way; how many."""
        if not changes:
            return 0
        row = self._tables.requests
        written = 0
        with translated_errors(position.FOLLOWER), self._adapter.transaction() as connection:
            core = borrowed(connection)
            place = position.locked(core, self._tables)
            for change in changes:
                with self._desk.live.history() as log:
                    position.check(place, log)
                    moved = log.money_movement(command_id(change.request_id))
                if moved is not None and moved.sequence > place.sequence:
                    continue
                values = change.values if moved is None else _again(moved, commands, change)
                new = (row.c.id == change.request_id, row.c.status == _NEW)
                changed = core.execute(update(row).where(*new).values(**values, updated_at=datetime.now(UTC)))
                written += changed.rowcount
        return written


def _change_after(place: Position, row: Stored, own: Sequence[Outcome]) -> _Change | None:
    """What the journal will not tell of a request whose commands were submitted. None where it will, or nothing was decided."""
    error = next((outcome.error for outcome in own if outcome.error is not None), None)
    if isinstance(error, StorageError):
        return None
    if error is not None:
        return _Change.aside(row, code=error.code, sentence=str(error))
    if row["kind"] == RequestKind.RETIRE_PROJECT.value:
        return _Change(
            row["id"], {"status": _DONE, "sequence": max((outcome.sequence for outcome in own), default=None)}
        )
    (outcome,) = own
    if not outcome.repeated or outcome.sequence > place.sequence:
        return None
    problem = f"a request with this id was decided before, at sequence {outcome.sequence}, and nothing was moved again"
    return _Change.aside(row, code=_ALREADY, sentence=f"{problem}. Ask anew, under an id of its own.")


def _again(moved: Entry, commands: RequestCommands, change: _Change) -> dict[str, object]:
    """Of a row that was written once more under an id by which credits moved before: held, where they still are; else as it is to be."""
    if commands.is_held(moved) and change.values.get("code") == _ALREADY:
        return {"status": _HELD, "sequence": moved.sequence, "transaction_id": moved.sequence}
    return change.values


def _failures(outcomes: Iterable[Outcome]) -> list[StorageError]:
    return [outcome.error for outcome in outcomes if isinstance(outcome.error, StorageError)]
